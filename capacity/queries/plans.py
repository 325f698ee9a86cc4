"""What somebody considers to buy or to cancel, for the timeline before and after it (R22)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from operator import attrgetter

from accounts.models import Organization
from accounts.queries.projects import find_project
from billing.domain.limits import HardLimits
from billing.queries.standing import Standing
from capacity.domain.terms import Term
from capacity.domain.timeline import Cause, UnitChange
from capacity.models import Lot, Snapshot
from capacity.queries.catalogue import Listing
from capacity.queries.lot_terms import TERMS, Row
from capacity.queries.quotes import QuoteLine, priced_lines

AFTER_ALL_LOTS = 2**63
"""No lot has such a key: planned lots are the last in the order of purchase."""


@dataclass(frozen=True, slots=True)
class PlannedPurchase:
    """Units to buy for a project, which is given by its primary key."""

    snapshot: Snapshot
    term: Term
    lines: Sequence[QuoteLine]
    project: int

    def applied_to(self, rows: Sequence[Row]) -> list[Row]:
        """Add a row for each line."""
        terms = {
            "of_snapshot": self.snapshot.pk,
            "of_model": self.snapshot.model,
            "of_retires_on": self.snapshot.retires_on,
            "of_project": self.project,
            "of_commitment_ends_on": self.term.commitment_ends_on,
            "of_first_term_ends_on": self.term.first_term_ends_on,
            "of_charged_until": self.term.first_term_ends_on,
            "cancelled_to": None,
        }
        lots = [
            {
                **terms,
                "of_lot": AFTER_ALL_LOTS + place,
                "of_kind": line.kind.value,
                "of_tpm_per_unit": line.offer.unit.tpm,
                "of_price_per_day": line.price.amount,
                "total_units": line.units,
            }
            for place, line in enumerate(self.lines)
        ]
        return [*rows, *lots]

    def counted_in(self, limits: HardLimits) -> HardLimits:
        """Return the limits with the charge of the first term, which is posted at once."""
        due = sum(line.amount.amount for line in self.lines)
        posted = limits.posted.get(self.project, 0) + due
        return replace(limits, posted={**limits.posted, self.project: posted})

    def changes(self, kind: str) -> list[UnitChange]:
        """Return the units of a kind that come today."""
        return [
            UnitChange(
                self.term.starts_on,
                line.units,
                line.tpm_added,
                Cause.PURCHASE,
                self.term.commitment_ends_on,
            )
            for line in self.lines
            if line.kind == kind
        ]


def planned_purchase(
    *,
    organization: Organization,
    present: Standing,
    listing: Listing,
    units: Mapping[str, int],
    project: str | None,
) -> PlannedPurchase:
    """Return the purchase of units of a snapshot today, without its checks.

    `project` is a public id; None is the default one. Raises NotFound for another's (R18).
    """
    term, lines = priced_lines(listing, units, present.period, present.on)
    return PlannedPurchase(
        snapshot=listing.snapshot,
        term=term,
        lines=[line for line in lines if line.units],
        project=find_project(organization, project).pk,
    )


@dataclass(frozen=True, slots=True)
class PlannedCancellation:
    """Some units of a lot, with the day on which they would end."""

    lot: Lot
    units: int
    ends_on: date

    def applied_to(self, rows: Sequence[Row]) -> list[Row]:
        """Take the units out of the row of the lot, or of all lots with the same terms."""
        lookup = {name: column.replace("__", ".") for name, column in TERMS.items()}
        terms = {name: attrgetter(path)(self.lot) for name, path in lookup.items()}
        terms |= {"of_lot": self.lot.pk, "cancelled_to": None}
        planned = []
        for row in rows:
            if all(row[name] == value for name, value in terms.items() if name in row):
                planned.append({**row, "total_units": self.units, "cancelled_to": self.ends_on})
                if left := row["total_units"] - self.units:
                    planned.append({**row, "total_units": left})
            else:
                planned.append(row)
        return planned

    def counted_in(self, limits: HardLimits) -> HardLimits:
        """Return the limits as they are: a cancellation charges and refunds nothing."""
        return limits

    def changes(self, kind: str) -> list[UnitChange]:
        """Return nothing: no units come."""
        return []
