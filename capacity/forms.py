"""What people type about units."""

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.conf import settings

from accounts.models import Project
from billing.domain.money import Money
from capacity.models import Pool
from capacity.queries.catalogue import Listing, Offer
from capacity.queries.orders import MAX_UNITS

SLIDER_REACHES = (20, 50, 100, 200, 500, 1000)
"""How far a slider reaches: the first that is enough; beyond the last, the number typed."""


def units_field(label: str, **attributes: Any) -> forms.IntegerField:
    """A number of units. The server alone judges it, so that refusals read alike everywhere."""
    return forms.IntegerField(
        label=label,
        required=False,
        widget=forms.NumberInput(
            attrs={"min": 0, "step": 1, "inputmode": "numeric", "autocomplete": "off", **attributes}
        ),
        error_messages={"invalid": "Enter a whole number of units."},
    )


class PurchaseForm(forms.Form):
    """Units to buy of one model; the kinds asked for are those that the model is sold in."""

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
        self.listing = next((x for x in listings if x.snapshot.model == data.get("model")), None)
        self.fields["model"] = forms.ChoiceField(
            label="Model", choices=[(x.snapshot.model, x.snapshot.model) for x in listings]
        )
        for offer in self.offers:
            self.fields[offer.kind] = units_field(f"{offer.kind.label} units", placeholder="0")
        if len(projects) > 1:
            self.fields["project"] = _choice("Project", projects)
        if len(pools) > 1:
            self.fields["pool"] = _choice("Pool", pools)

    @property
    def models(self) -> list[tuple[str, list[Listing]]]:
        """What is sold, by provider."""
        grouped = groupby(self.listings, key=lambda entry: entry.snapshot.provider)
        return [(provider, list(entries)) for provider, entries in grouped]

    @property
    def typed(self) -> dict[str, str]:
        """What was typed into this form's fields, as it was typed."""
        return {name: self.data[name] for name in self.fields if name in self.data}

    @property
    def query(self) -> str:
        """The same as a query string, which brings the form back as it was left."""
        return urlencode(self.typed)

    @property
    def offers(self) -> Sequence[Offer]:
        return self.listing.offers if self.listing else ()

    @property
    def kinds(self) -> list["KindField"]:
        """What each kind's field and slider show."""
        return [KindField(offer, self[offer.kind]) for offer in self.offers]

    @property
    def choices(self) -> list[forms.BoundField]:
        """Project and pool, where there is anything to choose."""
        return [self[name] for name in ("project", "pool") if name in self.fields]

    @property
    def problems(self) -> list[str]:
        """What is wrong with what was typed, each field named; the model's absence aside."""
        return [
            f"{self.fields[name].label}: {message}"
            for name, messages in self.errors.items()
            for message in messages
            if name != "model"
        ]

    def order(self) -> dict[str, Any]:
        """What `read_order` and `buy_units` take. Only after `is_valid`."""
        typed = self.cleaned_data
        return {
            "model": typed["model"],
            "units": {offer.kind.value: typed[offer.kind] or 0 for offer in self.offers},
            "project": typed.get("project") or None,
            "pool": typed.get("pool") or None,
        }

    @property
    def shown(self) -> Money | None:
        """The amount due that the confirmation showed."""
        amount = self.data.get("shown", "")
        return Money(int(amount), settings.CURRENCY) if amount[:19].isdecimal() else None


class KindField:
    """The number field of one kind, with its slider and what a unit is."""

    def __init__(self, offer: Offer, field: forms.BoundField) -> None:
        self.offer = offer
        self.field = field

    @property
    def units(self) -> int:
        """The number typed, as far as it is one."""
        typed = str(self.field.value() or "")
        return min(int(typed), MAX_UNITS) if typed.isdecimal() else 0

    @property
    def reaches(self) -> Sequence[int]:
        """How far the slider may reach, a larger number typed in making it longer."""
        available = self.offer.available
        if available is None:
            return SLIDER_REACHES
        return [*(reach for reach in SLIDER_REACHES if reach < available), max(available, 1)]

    @property
    def slider_max(self) -> int:
        return next((reach for reach in self.reaches if reach >= self.units), self.units)


class CancellationForm(forms.Form):
    """How many of a lot's units to cancel."""

    units = units_field("Units to cancel")

    def clean_units(self) -> int:
        return self.cleaned_data["units"] or 0

    @property
    def problems(self) -> list[str]:
        """What is wrong with the number."""
        return [str(message) for messages in self.errors.values() for message in messages]


class ClockForm(forms.Form):
    """When to move a sandbox's clock to, and the page to come back to."""

    to = forms.DateTimeField(
        label="Move to",
        error_messages={"required": "Choose a date.", "invalid": "Enter a date: YYYY-MM-DD."},
    )
    next = forms.CharField(required=False)

    @property
    def typed_date(self) -> str:
        """What was typed, as the date field shows it again."""
        return str(self.data.get("to", ""))[:10]

    @property
    def problems(self) -> list[str]:
        """Why the clock was not moved."""
        return [str(message) for message in self.errors.get("to", [])]


def _choice(label: str, rows: Sequence[Project] | Sequence[Pool]) -> forms.ChoiceField:
    choices = [(row.public_id, row.name) for row in rows]
    return forms.ChoiceField(label=label, required=False, choices=choices)
