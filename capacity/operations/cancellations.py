"""Cancelling units, and undoing a cancellation (R5)."""

from datetime import datetime
from http import HTTPStatus

from accounts.models import Organization
from accounts.operations.audit import Actor
from accounts.operations.changes import Change, organization_change
from billing.operations.limits import raise_alerts
from capacity.models import Cancellation, CancellationStatus, Transaction, TransactionType
from capacity.queries.cancellations import check_cancellable, find_cancellation
from capacity.queries.lots import find_lot
from common.days import last_day
from common.errors import BusinessError
from common.idempotency import IdempotencyKey


class AlreadyEffective(BusinessError):
    """The units of the cancellation have expired; it cannot be undone (R5)."""

    code = "already_effective"
    status = HTTPStatus.CONFLICT


def cancel_units(
    *,
    organization: Organization,
    lot_id: str,
    units: int,
    by: Actor,
    now: datetime,
    idempotency_key: IdempotencyKey | None = None,
) -> Cancellation:
    """Cancel `units` of a lot. Until their end they stay active and are charged (R5).

    Raises NotFound, InvalidRequest, or UnitsExceedActive.
    """
    with organization_change(
        organization=organization, by=by, now=now, idempotency_key=idempotency_key
    ) as change:
        lot = find_lot(change.organization, lot_id)
        check_cancellable(lot, units)
        cancellation = Cancellation.objects.create(
            organization=change.organization,
            lot=lot,
            units=units,
            requested_at=change.now,
            requested_by=by.person,
            ends_on=lot.terms_of_cancelling(units, on=change.today).ends_on,
        )
        note = f"Last day {last_day(cancellation.ends_on)}"
        _add_transaction(change, cancellation, TransactionType.CANCELLATION, note)
        change.record(
            "units.cancelled",
            cancellation.public_id,
            after={"lot": lot_id, "units": units, "ends_on": cancellation.ends_on.isoformat()},
        )
        change.enqueue_email("cancellation_scheduled", cancellation.public_id)
        return change.respond(cancellation)


def undo_cancellation(
    *,
    organization: Organization,
    cancellation_id: str,
    by: Actor,
    now: datetime,
    idempotency_key: IdempotencyKey | None = None,
) -> Cancellation:
    """Undo a cancellation; its units go on renewing (R5). A second call changes nothing.

    Raises NotFound, or AlreadyEffective once the units have expired.
    """
    with organization_change(
        organization=organization, by=by, now=now, idempotency_key=idempotency_key
    ) as change:
        cancellation = find_cancellation(
            organization=change.organization, cancellation_id=cancellation_id
        )
        if cancellation.status == CancellationStatus.EFFECTIVE:
            raise AlreadyEffective(
                f"The last day of these units was {last_day(cancellation.ends_on)}; that cannot be "
                "undone. Buy new units."
            )
        if cancellation.status == CancellationStatus.SCHEDULED:
            _undo(change, cancellation)
        return change.respond(cancellation)


def _undo(change: Change, cancellation: Cancellation) -> None:
    cancellation.status = CancellationStatus.UNDONE
    cancellation.save(update_fields=["status"])
    _add_transaction(change, cancellation, TransactionType.UNDO, "Goes on renewing")
    change.record(
        "cancellation.undone",
        cancellation.public_id,
        before={"status": CancellationStatus.SCHEDULED},
        after={"status": CancellationStatus.UNDONE},
    )
    raise_alerts(organization=change.organization, on=change.today, at=change.now)


def _add_transaction(
    change: Change, cancellation: Cancellation, transaction_type: TransactionType, note: str
) -> None:
    Transaction.objects.create(
        organization=change.organization,
        snapshot=cancellation.lot.snapshot,
        lot=cancellation.lot,
        type=transaction_type,
        kind=cancellation.lot.kind,
        units=cancellation.units,
        at=change.now,
        by=change.by.user,
        note=note,
    )
