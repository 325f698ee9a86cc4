"""Forms about units, approvals and clocks."""

from collections.abc import Mapping, Sequence
from typing import Any, cast
from urllib.parse import urlencode

from django import forms
from django.conf import settings

from accounts.models import Project
from billing.domain.money import Money
from billing.forms import AmountField
from capacity.models import Pool
from capacity.models.purchase_requests import MAX_REASON_LENGTH
from capacity.queries.catalogue import Listing, Offer, by_provider
from capacity.queries.quotes import MAX_UNITS
from common.errors import BusinessError
from common.texts import is_single_line

SLIDER_RANGES = tuple(step * 10**power for power in range(1, 6) for step in (2, 5, 10))
"""The possible ends of a slider, from 20 on. It has the smallest that is enough for the number, so
that a step of the thumb stays small; supply and MAX_UNITS limit it."""


def units_field(label: str, **attributes: Any) -> forms.IntegerField:
    """Return a field for a number of units.

    Only the server validates it, so that an error has the same text everywhere.
    """
    return forms.IntegerField(
        label=label,
        required=False,
        widget=forms.NumberInput(
            attrs={"min": 0, "step": 1, "inputmode": "numeric", "autocomplete": "off", **attributes}
        ),
        error_messages={"invalid": "Enter a whole number of units."},
    )


def posted_amount(data: Mapping[str, Any]) -> Money | None:
    """Return the amount due that a confirmation showed, its hidden field `shown`, or None."""
    amount = data.get("shown", "")
    is_amount = amount.isascii() and amount.isdecimal() and len(amount) < 19
    return Money(int(amount), settings.CURRENCY) if is_amount else None


class PurchaseForm(forms.Form):
    """The units to buy of one model, with one field for each kind of units that the model has."""

    def __init__(
        self,
        data: Mapping[str, Any],
        *,
        listings: Sequence[Listing],
        projects: Sequence[Project],
        pools: Sequence[Pool],
    ) -> None:
        super().__init__(data)
        self.listings = listings
        by_model = {listing.snapshot.model: listing for listing in listings}
        self.listing = by_model.get(data.get("model", ""))
        self.fields["model"] = forms.ChoiceField(
            label="Model", choices=[(model, model) for model in by_model]
        )
        for offer in self.offers:
            self.fields[offer.kind] = units_field(f"{offer.kind.label} units", placeholder="0")
        if len(projects) > 1 or not _is_among(data.get("project"), projects):
            self.fields["project"] = _choice("Project", projects)
        if len(pools) > 1:
            self.fields["pool"] = _choice("Pool", pools)

    @property
    def models(self) -> list[tuple[str, list[Listing]]]:
        """Return the listings by the name of their provider."""
        return by_provider(self.listings)

    @property
    def raw_values(self) -> dict[str, str]:
        """Return the values of this form's fields as they were typed."""
        return {name: self.data[name] for name in self.fields if name in self.data}

    @property
    def query(self) -> str:
        """Return the raw values as a query string, which restores the form."""
        return urlencode(self.raw_values)

    @property
    def offers(self) -> Sequence[Offer]:
        return self.listing.offers if self.listing else ()

    @property
    def kinds(self) -> list["KindField"]:
        """Return the number field and slider of each kind."""
        return [KindField(offer, self[offer.kind]) for offer in self.offers]

    @property
    def choices(self) -> list[forms.BoundField]:
        """Return the fields of project and pool, if there is a choice."""
        return [self[name] for name in ("project", "pool") if name in self.fields]

    @property
    def problems(self) -> list[str]:
        """Return the errors of all fields except the model, each with the label of its field."""
        return [
            f"{self.fields[name].label}: {message}"
            for name, messages in self.errors.items()
            for message in messages
            if name != "model"
        ]

    def add_unit_errors(self, error: BusinessError) -> None:
        """Show an error at the number fields that it names: `units.input` and so on."""
        for name, messages in error.errors.items():
            kind = name.removeprefix("units.")
            if kind in self.fields:
                self.add_error(kind, cast(Any, messages))

    @property
    def units(self) -> dict[str, int]:
        """Return the units by kind. Call `is_valid` first."""
        return {offer.kind.value: self.cleaned_data[offer.kind] or 0 for offer in self.offers}

    def purchase_arguments(self) -> dict[str, Any]:
        """Return the typed arguments of `buy_units`. Call `is_valid` first."""
        return {
            "model": self.cleaned_data["model"],
            "units": self.units,
            "project": self.cleaned_data.get("project") or None,
            "pool": self.cleaned_data.get("pool") or None,
        }

    @property
    def shown(self) -> Money | None:
        """Return the amount due that the confirmation showed, or None."""
        return posted_amount(self.data)


class KindField:
    """The number field and the slider of one kind."""

    def __init__(self, offer: Offer, field: forms.BoundField, *, shows: int = 0) -> None:
        """`shows` is a number that the scale of the slider reaches in any case, if it can."""
        self.offer = offer
        self.field = field
        self.shows = shows

    @property
    def units(self) -> int:
        """Return the typed number, or 0 if the text is not a number."""
        text = str(self.field.value() or "")
        digits = text.lstrip("0")[: len(str(MAX_UNITS)) + 1]  # Enough to tell that it is too many.
        return min(int(digits or 0), MAX_UNITS) if text.isascii() and text.isdecimal() else 0

    @property
    def slider_ranges(self) -> Sequence[int]:
        """Return the possible ends of the slider; the last one is the most that can be bought."""
        available = self.offer.available
        most = MAX_UNITS if available is None else min(available, MAX_UNITS)
        return [*(end for end in SLIDER_RANGES if end < most), most]

    @property
    def slider_max(self) -> int:
        ranges = self.slider_ranges
        return next((end for end in ranges if end >= max(self.units, self.shows)), ranges[-1])


class CancellationForm(forms.Form):
    """The number of a lot's units to cancel."""

    units = units_field("Units to cancel")

    def clean_units(self) -> int:
        return self.cleaned_data["units"] or 0


class ThresholdForm(forms.Form):
    """The cost per day above which a purchase needs approval (R20)."""

    amount = AmountField(
        label="Approval above, USD per day",
        empty="no threshold",
        help_text="At standard rates, for one purchase. Empty: no purchase needs approval.",
    )


class PurchaserLimitForm(forms.Form):
    """The most that one purchase of a purchaser may cost per day (R21)."""

    amount = AmountField(
        label="At most, USD per day",
        help_text="At standard rates, for one purchase. Empty: no limit.",
    )


class DeclineForm(forms.Form):
    """Why a purchase request is declined."""

    reason = forms.CharField(
        label="Reason",
        required=False,
        max_length=MAX_REASON_LENGTH,
        help_text="Optional. The person who asked reads it.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "data-focus": True}),
    )

    def clean_reason(self) -> str:
        reason = " ".join(self.cleaned_data["reason"].split())
        if not is_single_line(reason):
            raise forms.ValidationError("A reason has no control characters.")
        return reason


class ClockForm(forms.Form):
    """The instant to which a sandbox's clock moves, and the page to return to."""

    to = forms.DateTimeField(
        label="Move to",
        error_messages={"required": "Choose a date.", "invalid": "Enter a date: YYYY-MM-DD."},
    )
    next = forms.CharField(required=False)

    @property
    def raw_date(self) -> str:
        """Return the date as it was typed, for the date field."""
        return str(self.data.get("to", ""))[:10]

    @property
    def problems(self) -> list[str]:
        """Return the reasons why the clock was not moved."""
        return [str(message) for message in self.errors.get("to", [])]


def _choice(label: str, rows: Sequence[Project] | Sequence[Pool]) -> forms.ChoiceField:
    choices = [(row.public_id, row.name) for row in rows]
    gone = f"This {label.lower()} cannot be chosen any more. Choose another."
    return forms.ChoiceField(
        label=label, required=False, choices=choices, error_messages={"invalid_choice": gone}
    )


def _is_among(chosen: str | None, projects: Sequence[Project]) -> bool:
    """Return whether nothing is chosen, or one of these. One may be archived meanwhile."""
    return not chosen or any(project.public_id == chosen for project in projects)
