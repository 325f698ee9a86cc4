"""Lots, and the expiry of their units (R5, R10, R11)."""

from datetime import date

from django.db import models
from django.db.models import F, Q

from accounts.models import Organization, Project
from billing.domain.money import Money
from capacity.domain.terms import CancellationTerms, Term, cancellation_terms
from capacity.models.catalogue import Kind, Snapshot
from capacity.models.pools import Pool
from capacity.models.purchases import Purchase
from common.append_only import append_only
from common.change_notices import announce
from common.ids import PublicIdField


class Lot(models.Model):
    """All units of one kind that came from one purchase (R3). Units of a lot can be cancelled (R5).

    `units` never changes; `active_units` decreases when units expire. TPM, price and dates are
    those of the day of purchase; later changes of the catalogue do not change them (R6).
    """

    public_id = PublicIdField(prefix="lot_")
    organization = models.ForeignKey(
        Organization, on_delete=models.PROTECT, related_name="lots", db_index=False
    )
    purchase = models.ForeignKey(Purchase, on_delete=models.PROTECT, related_name="lots")
    snapshot = models.ForeignKey(Snapshot, on_delete=models.PROTECT, related_name="+")
    pool = models.ForeignKey(Pool, on_delete=models.PROTECT, related_name="lots")
    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=10, choices=Kind)
    units = models.PositiveBigIntegerField()
    active_units = models.PositiveBigIntegerField()
    tpm_per_unit = models.PositiveBigIntegerField()
    price_per_day = models.PositiveBigIntegerField(help_text="Agreed list price, minor units.")
    currency = models.CharField(max_length=3)
    starts_on = models.DateField()
    first_term_ends_on = models.DateField()
    commitment_ends_on = models.DateField()
    charged_until = models.DateField(help_text="Every service day before this one is charged.")

    class Meta:
        triggers = announce("active_units")
        permissions = [("check_invariants", "Can check what must always hold in the database")]
        constraints = [
            models.CheckConstraint(
                condition=Q(units__gt=0, active_units__lte=F("units")),
                name="lot_active_units_within_units",
            ),
            models.CheckConstraint(
                condition=Q(
                    first_term_ends_on__gt=F("starts_on"),
                    commitment_ends_on__gt=F("starts_on"),
                    charged_until__gte=F("first_term_ends_on"),
                ),
                name="lot_dates_in_order",
            ),
        ]
        indexes = [
            models.Index(fields=["organization", "snapshot", "-id"], name="lot_newest_first"),
            # Without `charged_until`: a column in no index is updated in place, every day.
            models.Index(
                fields=["organization"],
                condition=Q(active_units__gt=0),
                name="lot_active",
            ),
            models.Index(
                fields=["snapshot", "kind"],
                condition=Q(active_units__gt=0),
                name="lot_held_of_supply",
            ),
        ]

    def __str__(self) -> str:
        return self.public_id

    @property
    def tpm(self) -> int:
        """Return the tokens per minute of the lot's active units."""
        return self.active_units * self.tpm_per_unit

    @property
    def bought_tpm(self) -> int:
        """Return the tokens per minute of all units that were bought."""
        return self.units * self.tpm_per_unit

    @property
    def daily_price(self) -> Money:
        """Return the agreed list price of one unit and service day (R6)."""
        return Money(self.price_per_day, self.currency)

    @property
    def term(self) -> Term:
        return Term(self.starts_on, self.first_term_ends_on, self.commitment_ends_on)

    def terms_of_cancelling(self, units: int, *, on: date) -> CancellationTerms:
        """Return the terms of cancelling `units` on the service day `on` (R5)."""
        return cancellation_terms(
            units=units,
            on=on,
            charged_until=self.charged_until,
            commitment_ends_on=self.commitment_ends_on,
            price_per_day=self.price_per_day,
        )


class ExpiryReason(models.TextChoices):
    CANCELLED = "cancelled", "Cancelled"
    SPEND_LIMIT = "spend_limit", "Spend limit reached"
    ORDER_FORM_ENDED = "order_form_ended", "Order form ended"
    PAYMENT_OVERDUE = "payment_overdue", "Payment overdue"
    MODEL_RETIRED = "model_retired", "Model retired"


class Expiry(models.Model):
    """Units of a lot that expired on `ended_on` at 00:00 UTC, and the reason."""

    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="+")
    lot = models.ForeignKey(Lot, on_delete=models.PROTECT, related_name="expiries")
    units = models.PositiveBigIntegerField()
    ended_on = models.DateField()
    reason = models.CharField(max_length=20, choices=ExpiryReason)

    class Meta:
        verbose_name_plural = "expiries"
        triggers = append_only()
        constraints = [
            models.UniqueConstraint(fields=["lot", "ended_on", "reason"], name="expiry_once"),
            models.CheckConstraint(condition=Q(units__gt=0), name="expiry_of_some_units"),
        ]
        indexes = [models.Index(fields=["organization", "-id"], name="expiry_newest_first")]

    def __str__(self) -> str:
        return f"{self.units} of {self.lot} on {self.ended_on}"
