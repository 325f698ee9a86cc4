"""Forms about money."""

import re
from decimal import Decimal
from typing import Any

from django import forms
from django.conf import settings

from billing.domain.money import MAX_AMOUNT, MINOR_UNITS_PER_MAJOR, Money
from billing.models.billing_details import (
    MAX_ADDRESS,
    MAX_ADDRESS_LINES,
    MAX_EMAIL,
    MAX_NAME,
    MAX_PURCHASE_ORDER,
    MAX_TAX_ID,
)
from billing.models.limits import MAX_ALERT_PERCENT, MAX_ALERTS
from billing.queries.billing_details import COUNTRIES
from billing.queries.limits import LimitState
from common.decimals import plain


class AmountField(forms.CharField):
    """An amount as people type it, `1,234.50` or `$1,234.50`; its value is Money, or None.

    `empty` says what an empty field means: `no limit`.
    """

    def __init__(self, *, empty: str = "no limit", **options: Any) -> None:
        attrs: dict[str, Any] = {"inputmode": "decimal", "autocomplete": "off"}
        attrs |= {"placeholder": empty.capitalize(), "data-focus": True}  # First in its dialog.
        super().__init__(required=False, widget=forms.TextInput(attrs=attrs), **options)
        self.empty = empty

    def to_python(self, value: Any) -> Any:
        text = str(value or "").strip().removeprefix("$").strip()
        if not text:
            return None
        if not re.fullmatch(r"([0-9]{1,15}|[0-9]{1,3}(,[0-9]{3}){1,4})(\.[0-9]{1,2})?", text):
            raise forms.ValidationError(
                f"Enter an amount like 1,234.50, or nothing for {self.empty}."
            )
        amount = int(Decimal(text.replace(",", "")) * MINOR_UNITS_PER_MAJOR)
        if amount > MAX_AMOUNT:
            raise forms.ValidationError(f"At most {Money(MAX_AMOUNT, settings.CURRENCY)}.")
        return Money(amount, settings.CURRENCY)


def amount_text(money: Money | None) -> str:
    """Return an amount as an AmountField shows it: `1234.5`; empty for None."""
    return "" if money is None else plain(Decimal(money.amount) / MINOR_UNITS_PER_MAJOR)


class LimitForm(forms.Form):
    """A spend limit for each invoice period (R10)."""

    amount = AmountField(
        label="Limit a period, USD", help_text="At standard rates. Empty: no limit."
    )
    hard = forms.ChoiceField(
        label="When it is reached",
        choices=[
            ("hard", "Hard: refuse purchases, and end units past their commitment"),
            ("soft", "Soft: only send alerts"),
        ],
    )
    alerts = forms.CharField(
        label="Alerts at, in percent",
        required=False,
        help_text="Owners get an email at each, once a period. For example 50, 80, 100.",
        widget=forms.TextInput(attrs={"inputmode": "text", "autocomplete": "off"}),
    )

    @classmethod
    def showing(cls, state: LimitState) -> "LimitForm":
        """Return the form with the present limit."""
        return cls(
            initial={
                "amount": amount_text(state.limit),
                "hard": "hard" if state.is_hard else "soft",
                "alerts": ", ".join(str(percent) for percent in state.alerts),
            }
        )

    def clean_alerts(self) -> list[int]:
        words = self.cleaned_data["alerts"].replace("%", " ").replace(",", " ").split()
        if not all(re.fullmatch(r"[0-9]{1,4}", word) for word in words):
            raise forms.ValidationError("Enter percentages like 50, 80, 100.")
        percents = sorted({int(word) for word in words})
        if percents and not 1 <= percents[0] <= percents[-1] <= MAX_ALERT_PERCENT:
            raise forms.ValidationError(f"Alerts are from 1 to {MAX_ALERT_PERCENT} percent.")
        if len(percents) > MAX_ALERTS:
            raise forms.ValidationError(f"At most {MAX_ALERTS} alerts.")
        return percents


def _text(autocomplete: str) -> forms.TextInput:
    return forms.TextInput(attrs={"autocomplete": autocomplete})


class BillingDetailsForm(forms.Form):
    """Whom invoices are made out to. `set_billing_details` checks what is typed."""

    name = forms.CharField(label="Name", max_length=MAX_NAME, widget=_text("organization"))
    address = forms.CharField(
        label="Address",
        max_length=MAX_ADDRESS,
        help_text=f"Street, postal code and town: up to {MAX_ADDRESS_LINES} lines.",
        widget=forms.Textarea(
            attrs={"rows": 3, "class": "control", "autocomplete": "street-address"}
        ),
    )
    country = forms.ChoiceField(
        label="Country",
        choices=[("", "Choose a country"), *COUNTRIES.items()],
        widget=forms.Select(attrs={"autocomplete": "country"}),
    )
    tax_id = forms.CharField(
        label="Tax ID",
        max_length=MAX_TAX_ID,
        required=False,
        help_text="VAT number, EIN, GSTIN … Optional.",
        widget=_text("off"),
    )
    email = forms.EmailField(
        label="Billing email",
        max_length=MAX_EMAIL,
        help_text="Gets every invoice, besides owners and purchasers.",
        widget=forms.EmailInput(attrs={"autocomplete": "email"}),
    )
    purchase_order = forms.CharField(
        label="Purchase order number",
        max_length=MAX_PURCHASE_ORDER,
        required=False,
        help_text="Printed on each invoice until you change it. Optional.",
        widget=_text("off"),
    )


class SignatureForm(forms.Form):
    """The name that somebody types to sign an order form (R23)."""

    name = forms.CharField(
        label="Your full name",
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "name", "spellcheck": "false"}),
    )
    shown = forms.CharField(required=False, widget=forms.HiddenInput)
