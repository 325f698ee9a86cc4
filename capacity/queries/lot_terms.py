"""Active units by their terms: all values of a lot that decide its charges and its end.

Lots with the same terms are one row, so that ten thousand equal lots cost as much as one.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from django.db.models import DateField, F, QuerySet, Sum, Value

from accounts.models import Organization
from billing.domain.limits import HardLimits
from capacity.domain.timeline import UnitChange
from capacity.queries.cancellations import scheduled_cancellations
from capacity.queries.lots import active_lots, with_renewing_units

TERMS: Mapping[str, str] = {
    "of_snapshot": "snapshot_id",
    "of_model": "snapshot__model",
    "of_retires_on": "snapshot__retires_on",
    "of_kind": "kind",
    "of_project": "project_id",
    "of_tpm_per_unit": "tpm_per_unit",
    "of_price_per_day": "price_per_day",
    "of_commitment_ends_on": "commitment_ends_on",
    "of_first_term_ends_on": "first_term_ends_on",
    "of_charged_until": "charged_until",
}
"""The terms of a lot, all that decides its charges, and the columns that hold them."""

Row = dict[str, Any]
"""`total_units` with the same terms, and their `cancelled_to`; with limits, of one lot `of_lot`."""


class Plan(Protocol):
    """A change that is not made, and what would follow from it."""

    def applied_to(self, rows: Sequence[Row]) -> list[Row]:
        """Return the rows of units as they would be."""

    def counted_in(self, limits: HardLimits) -> HardLimits:
        """Return the limits with the charge that the change would post at once."""

    def changes(self, kind: str) -> list[UnitChange]:
        """Return the units of a kind that would come at once."""


def units_by_terms(organization: Organization, *, of_each_lot: bool) -> list[Row]:
    """Return all active units: those that go on renewing, and those that a cancellation ends.

    With `of_each_lot`, each lot has rows of its own, with its primary key as `of_lot`.
    """
    terms = {**TERMS, "of_lot": "pk"} if of_each_lot else TERMS
    renewing = with_renewing_units(active_lots(organization)).filter(renewing_units__gt=0)
    cancelled = scheduled_cancellations(organization).order_by()
    nothing = Value(None, output_field=DateField())
    rows = _by_terms(renewing, terms, "", "renewing_units", cancelled_to=nothing).union(
        _by_terms(cancelled, terms, "lot__", "units", cancelled_to=F("ends_on")), all=True
    )
    return list(rows)


def _by_terms(
    rows: QuerySet[Any, Any],
    terms: Mapping[str, str],
    lot: str,
    units: str,
    **columns: F | Value,
) -> QuerySet[Any, Any]:
    """Sum the column `units` of rows with the same terms.

    `lot` is the prefix of a lookup from a row to its lot.
    """
    by_terms: QuerySet[Any, Any] = rows.values(
        **{name: F(f"{lot}{column}") for name, column in terms.items()}, **columns
    ).annotate(total_units=Sum(units))
    return by_terms
