"""The form of a replay: any number of units of each kind (R16)."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from django import forms
from django.core.validators import MaxValueValidator, MinValueValidator

from capacity.forms.units import KindField, units_field
from capacity.queries.catalogue import Offer
from capacity.queries.quotes import MAX_UNITS

BOUNDS = f"Between 0 and {MAX_UNITS:,} units."


class ReplayForm(forms.Form):
    """Units to replay, with one field for each kind.

    `needed` are the units that would have covered everything; they are replayed where none are
    typed, and are on the scale of the slider.
    """

    def __init__(
        self, data: Mapping[str, Any], *, offers: Sequence[Offer], needed: Mapping[str, int]
    ) -> None:
        super().__init__({**needed, **data})
        self.needed = needed
        # A replay is not a purchase: no supply limits it.
        self.offers = [replace(offer, available=None) for offer in offers]
        for offer in self.offers:
            field = units_field(f"{offer.kind.label} units", placeholder="0")
            field.validators += [MinValueValidator(0, BOUNDS), MaxValueValidator(MAX_UNITS, BOUNDS)]
            self.fields[offer.kind] = field

    @property
    def kinds(self) -> list[KindField]:
        """Return the number field and slider of each kind."""
        return [
            KindField(offer, self[offer.kind], shows=self.needed[offer.kind])
            for offer in self.offers
        ]

    @property
    def units(self) -> dict[str, int]:
        """Return the units by kind; a number with an error counts as 0."""
        self.is_valid()
        return {offer.kind.value: self.cleaned_data.get(offer.kind) or 0 for offer in self.offers}
