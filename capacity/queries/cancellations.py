"""Cancellations, and quotes of cancellations (R5)."""

from dataclasses import dataclass
from datetime import date
from http import HTTPStatus

from django.db.models import F, QuerySet, Sum

from accounts.models import Organization
from billing.domain.money import Money
from capacity.domain.terms import CancellationTerms
from capacity.models import Cancellation, CancellationStatus, Lot
from common.errors import BusinessError, InvalidRequest, NotFound
from common.texts import counted


class UnitsExceedActive(BusinessError):
    """More units than can still be cancelled in the lot (R5)."""

    code = "units_exceed_active"
    status = HTTPStatus.CONFLICT


@dataclass(frozen=True, slots=True)
class TpmChange:
    """Tokens per minute of one kind, in all pools of the snapshot, before and after a change."""

    before: int
    after: int


@dataclass(frozen=True, slots=True)
class CancellationQuote:
    """The dry run of a cancellation, at standard rates (R9)."""

    lot: Lot
    terms: CancellationTerms
    tpm: TpmChange
    """Active now, and remaining when these units end."""
    tpm_ending: int
    """Tokens per minute that earlier cancellations end by the same day."""

    @property
    def remaining_cost(self) -> Money:
        """Return the charges of the units after today, at the agreed price."""
        return Money(self.terms.remaining_cost, self.lot.currency)


def cancellations(
    organization: Organization, *, model: str | None = None
) -> QuerySet[Cancellation]:
    """Return cancellations of every status, newest first."""
    rows = Cancellation.objects.filter(organization=organization)
    if model is not None:
        rows = rows.filter(lot__snapshot__model=model)
    return rows.select_related("lot", "requested_by").order_by("-pk")


def find_cancellation(*, organization: Organization, cancellation_id: str) -> Cancellation:
    """Return a cancellation of this organization. Raises NotFound, for another's too (R18)."""
    cancellation = (
        Cancellation.objects.select_related("lot__snapshot", "requested_by")
        .filter(organization=organization, public_id=cancellation_id)
        .first()
    )
    if cancellation is None:
        raise NotFound(f"There is no cancellation “{cancellation_id}”.")
    return cancellation


def scheduled_cancellations(organization: Organization) -> QuerySet[Cancellation]:
    """Return the cancellations that have not taken effect yet, ordered by their end."""
    return Cancellation.objects.filter(
        organization=organization, status=CancellationStatus.SCHEDULED
    ).order_by("ends_on", "pk")


def check_cancellable(lot: Lot, units: int) -> None:
    """Raises InvalidRequest for fewer than one unit, UnitsExceedActive for too many units (R5).

    The lot is one of `queries.lots`, which annotates `renewing_units`.
    """
    if units < 1:
        raise InvalidRequest.field("units", "At least one unit can be cancelled.")
    left: int = lot.renewing_units  # type: ignore[attr-defined]  # annotated by queries.lots
    if units > left:
        raise UnitsExceedActive(
            f"{counted(left, 'unit')} of this lot can still be cancelled; you asked for {units:,}.",
            errors={"units": [f"At most {left:,}."]},
        )


def quote_cancellation(*, lot: Lot, units: int, on: date) -> CancellationQuote:
    """Return the quote of cancelling `units` on the service day `on` (R5, R9).

    Raises the errors of `check_cancellable`.
    """
    check_cancellable(lot, units)
    terms = lot.terms_of_cancelling(units, on=on)
    active = _active_tpm(lot)
    ending = _tpm_ending(lot, by=terms.ends_on)
    return CancellationQuote(
        lot=lot,
        terms=terms,
        tpm=TpmChange(before=active, after=active - ending - units * lot.tpm_per_unit),
        tpm_ending=ending,
    )


def _active_tpm(lot: Lot) -> int:
    """Return the active tokens per minute of the lot's snapshot and kind."""
    active = Lot.objects.filter(
        organization=lot.organization_id,
        snapshot=lot.snapshot_id,
        kind=lot.kind,
        active_units__gt=0,
    )
    return active.aggregate(tpm=Sum(F("active_units") * F("tpm_per_unit")))["tpm"] or 0


def _tpm_ending(lot: Lot, *, by: date) -> int:
    """Return the tokens per minute of the snapshot and kind that cancellations end by a day."""
    ending = Cancellation.objects.filter(
        organization=lot.organization_id,
        status=CancellationStatus.SCHEDULED,
        lot__snapshot=lot.snapshot_id,
        lot__kind=lot.kind,
        ends_on__lte=by,
    )
    return ending.aggregate(tpm=Sum(F("units") * F("lot__tpm_per_unit")))["tpm"] or 0
