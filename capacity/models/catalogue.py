"""The catalogue: model snapshots, the token units sold for them, and their dated prices (R6)."""

from decimal import Decimal
from typing import Any

from django.conf import settings
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Q

from common.append_only import append_only
from common.change_notices import ABOUT_EVERYTHING, announce


def installation_currency() -> str:
    """Return the currency of all prices of this installation."""
    return settings.CURRENCY


PROVIDER_NAMES = {
    "ai21": "AI21 Labs",
    "amazon": "Amazon",
    "anthropic": "Anthropic",
    "cohere": "Cohere",
    "deepseek": "DeepSeek",
    "google": "Google",
    "meta": "Meta",
    "mistral": "Mistral AI",
    "mistralai": "Mistral AI",
    "openai": "OpenAI",
    "qwen": "Qwen",
    "xai": "xAI",
}
"""The names of providers as they write them, by their ids in a catalogue."""


class Kind(models.TextChoices):
    """The kind of tokens that a unit counts. Kinds are bought, shown and renewed in this order."""

    INPUT = "input", "Input"
    OUTPUT = "output", "Output"
    COMBINED = "combined", "Combined"


class Snapshot(models.Model):
    """One version of a model, which never changes. `model` is its id: `gpt-4.1-2025-04-14`."""

    model = models.CharField("model snapshot id", max_length=120, unique=True)
    provider = models.CharField(max_length=60)
    name = models.CharField(max_length=120)
    cached_weight = models.DecimalField(
        max_digits=8,
        decimal_places=4,
        validators=[MinValueValidator(Decimal(0))],
        help_text="What one cached input token counts against the allowance (R14).",
    )
    output_weight = models.DecimalField(
        null=True,
        blank=True,
        max_digits=8,
        decimal_places=4,
        validators=[MinValueValidator(Decimal(0))],
        help_text="What one output token counts in combined units (R14).",
    )
    retires_on = models.DateField(
        null=True, blank=True, help_text="From this service day on nothing is active on it (R11)."
    )
    source = models.CharField(max_length=300, blank=True, help_text="Where the figures come from.")
    note = models.CharField(max_length=300, blank=True)

    class Meta:
        triggers = announce(
            "model", "cached_weight", "output_weight", "retires_on", what=ABOUT_EVERYTHING
        )
        verbose_name = "model snapshot"
        ordering = ["provider", "name"]

    def __str__(self) -> str:
        return self.model

    @property
    def provider_name(self) -> str:
        """Return the provider's name for people: `OpenAI`; of an unknown `acme`, `Acme`."""
        provider = self.provider
        return PROVIDER_NAMES.get(provider) or provider[:1].upper() + provider[1:]


class TokenUnit(models.Model):
    """The unit that is sold: a number of tokens per minute of one kind for one snapshot."""

    snapshot = models.ForeignKey(Snapshot, on_delete=models.PROTECT, related_name="token_units")
    kind = models.CharField(max_length=10, choices=Kind)
    tpm = models.PositiveBigIntegerField("TPM", help_text="Tokens per minute of one unit.")
    supply_cap = models.PositiveBigIntegerField(
        null=True, blank=True, help_text="Units that exist for everyone (R12); empty: no cap."
    )

    class Meta:
        triggers = announce("tpm", what=ABOUT_EVERYTHING)
        constraints = [
            models.UniqueConstraint(fields=["snapshot", "kind"], name="token_unit_once"),
            models.CheckConstraint(condition=Q(tpm__gt=0), name="token_unit_tpm_positive"),
            models.CheckConstraint(condition=Q(kind__in=Kind.values), name="token_unit_kind_known"),
        ]

    def __str__(self) -> str:
        return f"{self.snapshot} {self.kind}"


class ListPrice(models.Model):
    """The list price of one unit and service day, in force from `from_on` to the next one (R6)."""

    token_unit = models.ForeignKey(TokenUnit, on_delete=models.PROTECT, related_name="prices")
    from_on = models.DateField(help_text="First service day it is in force, UTC.")
    amount = models.PositiveBigIntegerField(help_text="Minor units a unit and day.")
    currency = models.CharField(max_length=3, default=installation_currency)

    class Meta:
        triggers = append_only()
        constraints = [
            models.UniqueConstraint(
                fields=["token_unit", "from_on"],
                name="list_price_dated_once",
                violation_error_message="There is a price of this date; prices are never edited.",
            )
        ]

    def __str__(self) -> str:
        return f"{self.token_unit} from {self.from_on}: {self.amount} {self.currency}"


def _rate(help_text: str, **options: Any) -> models.DecimalField[Any, Any]:
    """Return a field for a price in major units (dollars) for a million tokens."""
    return models.DecimalField(
        max_digits=12,
        decimal_places=6,
        validators=[MinValueValidator(Decimal(0))],
        help_text=help_text,
        **options,
    )


class PayAsYouGoPrice(models.Model):
    """What the account plan costs for a snapshot, in force from `from_on` to the next one (R6).

    Major units (dollars) for a million tokens. Only comparisons use it: nothing is charged by it.
    """

    snapshot = models.ForeignKey(
        Snapshot, on_delete=models.PROTECT, related_name="pay_as_you_go_prices"
    )
    from_on = models.DateField(help_text="First service day it is in force, UTC.")
    input = _rate("Per million input tokens that were not cached.")
    cached_input = _rate(
        "Per million cached input tokens; empty: what other input tokens cost.",
        null=True,
        blank=True,
    )
    output = _rate("Per million output tokens.")
    currency = models.CharField(max_length=3, default=installation_currency)
    source = models.CharField(max_length=300, help_text="Where the prices come from.")

    class Meta:
        verbose_name = "pay-as-you-go price"
        triggers = append_only()
        constraints = [
            models.UniqueConstraint(
                fields=["snapshot", "from_on"],
                name="pay_as_you_go_price_dated_once",
                violation_error_message="There is a price of this date; prices are never edited.",
            ),
            models.CheckConstraint(
                condition=Q(input__gte=0, output__gte=0)
                & (Q(cached_input=None) | Q(cached_input__gte=0)),
                name="pay_as_you_go_price_not_negative",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.snapshot} from {self.from_on}, per million tokens"
