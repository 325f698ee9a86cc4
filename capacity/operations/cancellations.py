"""Cancelling units, and thinking better of it (R5)."""

from datetime import datetime
from functools import partial
from http import HTTPStatus

from accounts.errors import Refusal
from accounts.models import Organization
from accounts.operations.audit import Actor, record
from accounts.operations.idempotency import Once
from accounts.operations.notices import announce
from capacity.models import Cancellation, CancellationStatus, Lot, Transaction, TransactionType
from capacity.operations.change import Change, carry_out
from capacity.queries.cancellations import check_cancellable, find_cancellation
from capacity.queries.holdings import find_lot


class AlreadyEffective(Refusal):
    """The units have expired; what is done cannot be undone."""

    code = "already_effective"
    status = HTTPStatus.CONFLICT


def cancel_units(
    *,
    organization: Organization,
    lot_id: str,
    units: int,
    by: Actor,
    now: datetime,
    once: Once | None = None,
) -> Cancellation:
    """Give `units` of a lot an end; until then they stay active and go on being charged (R5).

    Raises NotFound, InvalidRequest, or UnitsExceedActive.
    """
    step = partial(_cancel, lot_id=lot_id, units=units)
    return carry_out(step, organization=organization, by=by, now=now, once=once)


def undo_cancellation(
    *,
    organization: Organization,
    cancellation_id: str,
    by: Actor,
    now: datetime,
    once: Once | None = None,
) -> Cancellation:
    """Let the units go on, as if never cancelled. Undoing twice is undoing once.

    Raises NotFound, or AlreadyEffective once the units have expired.
    """
    step = partial(_undo, cancellation_id=cancellation_id)
    return carry_out(step, organization=organization, by=by, now=now, once=once)


def _cancel(change: Change, *, lot_id: str, units: int) -> Cancellation:
    lot = find_lot(change.organization, lot_id)
    check_cancellable(lot, units)
    terms = lot.terms_of_cancelling(units, on=change.today)
    cancellation = Cancellation.objects.create(
        organization=change.organization,
        lot=lot,
        units=units,
        requested_at=change.now,
        requested_by=change.by.person,
        ends_on=terms.ends_on,
    )
    _tell(change, cancellation, TransactionType.CANCELLATION, f"Ends {terms.ends_on}")
    record(
        organization=change.organization,
        by=change.by,
        action="units.cancelled",
        subject=cancellation.public_id,
        at=change.now,
        after={"lot": lot_id, "units": units, "ends_on": terms.ends_on.isoformat()},
    )
    announce(
        organizations=[change.organization.pk],
        kind="cancellation_scheduled",
        subject=cancellation.public_id,
        now=change.now,
    )
    return cancellation


def _undo(change: Change, *, cancellation_id: str) -> Cancellation:
    cancellation = find_cancellation(
        organization=change.organization, cancellation_id=cancellation_id
    )
    if cancellation.status == CancellationStatus.EFFECTIVE:
        raise AlreadyEffective(
            f"These units ended on {cancellation.ends_on}; that cannot be undone. Buy new units."
        )
    if cancellation.status == CancellationStatus.UNDONE:
        return cancellation
    cancellation.status = CancellationStatus.UNDONE
    cancellation.save(update_fields=["status"])
    _tell(change, cancellation, TransactionType.UNDO, "Goes on renewing")
    record(
        organization=change.organization,
        by=change.by,
        action="cancellation.undone",
        subject=cancellation_id,
        at=change.now,
        before={"status": CancellationStatus.SCHEDULED},
        after={"status": CancellationStatus.UNDONE},
    )
    return cancellation


def _tell(change: Change, cancellation: Cancellation, type_: TransactionType, note: str) -> None:
    lot: Lot = cancellation.lot
    Transaction.objects.create(
        organization=change.organization,
        snapshot=lot.snapshot,
        lot=lot,
        type=type_,
        kind=lot.kind,
        units=cancellation.units,
        at=change.now,
        by=change.by.user,
        note=note,
    )
