"""What can be cancelled, and what cancelling would mean (R5)."""

from dataclasses import dataclass
from datetime import date
from http import HTTPStatus

from django.db.models import F, QuerySet, Sum

from accounts.errors import InvalidRequest, NotFound, Refusal
from accounts.models import Organization
from billing.domain.money import Money
from capacity.domain.terms import CancellationTerms
from capacity.models import Cancellation, CancellationStatus, Kind, Lot
from capacity.queries.orders import TpmChange, tpm_by_kind


class UnitsExceedActive(Refusal):
    """More units than the lot has left to cancel (R5)."""

    code = "units_exceed_active"
    status = HTTPStatus.CONFLICT


@dataclass(frozen=True, slots=True)
class CancellationQuote:
    """The dry run of a cancellation, at standard rates (R9)."""

    lot: Lot
    terms: CancellationTerms
    tpm: TpmChange
    """Active now, and what stays once these units end."""
    tpm_ending: int
    """Tokens per minute of it that end by then already, cancelled before."""

    @property
    def remaining_cost(self) -> Money:
        """What the units will still be charged after today, list price."""
        return Money(self.terms.remaining_cost, self.lot.currency)


def find_cancellation(*, organization: Organization, cancellation_id: str) -> Cancellation:
    """A cancellation of this organization. Raises NotFound, for another's too (R18)."""
    found = (
        Cancellation.objects.select_related("lot__snapshot", "requested_by")
        .filter(organization=organization, public_id=cancellation_id)
        .first()
    )
    if found is None:
        raise NotFound(f"There is no cancellation “{cancellation_id}”.")
    return found


def scheduled_cancellations(organization: Organization) -> QuerySet[Cancellation]:
    """Cancellations that have yet to take effect, the next one first."""
    return Cancellation.objects.filter(
        organization=organization, status=CancellationStatus.SCHEDULED
    ).order_by("ends_on", "pk")


def cancellable_units(lot: Lot) -> int:
    """Active units of the lot that no cancellation has taken yet."""
    scheduled = lot.cancellations.filter(status=CancellationStatus.SCHEDULED)
    return lot.active_units - (scheduled.aggregate(units=Sum("units"))["units"] or 0)


def check_cancellable(lot: Lot, units: int) -> None:
    """Raises InvalidRequest for fewer than one unit, UnitsExceedActive for more than there are."""
    if units < 1:
        raise InvalidRequest.field("units", "At least one unit can be cancelled.")
    left = cancellable_units(lot)
    if units > left:
        raise UnitsExceedActive(
            f"{left:,} unit{'' if left == 1 else 's'} of this lot can still be cancelled; "
            f"you asked for {units:,}.",
            errors={"units": [f"At most {left:,}."]},
        )


def quote_cancellation(*, lot: Lot, units: int, on: date) -> CancellationQuote:
    """What cancelling on the service day `on` would mean. Changes nothing; raises as cancelling."""
    check_cancellable(lot, units)
    terms = lot.terms_of_cancelling(units, on=on)
    now = tpm_by_kind(lot.organization, lot.snapshot).get(Kind(lot.kind), 0)
    ending = _tpm_ending(lot, by=terms.ends_on)
    return CancellationQuote(
        lot=lot,
        terms=terms,
        tpm=TpmChange(before=now, after=now - ending - units * lot.tpm_per_unit),
        tpm_ending=ending,
    )


def _tpm_ending(lot: Lot, *, by: date) -> int:
    """Tokens per minute of the snapshot and kind that scheduled cancellations end by a day."""
    ending = scheduled_cancellations(lot.organization).filter(
        lot__snapshot=lot.snapshot_id, lot__kind=lot.kind, ends_on__lte=by
    )
    return ending.aggregate(tpm=Sum(F("units") * F("lot__tpm_per_unit")))["tpm"] or 0
