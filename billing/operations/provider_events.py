"""Events of the payment provider, which come in any order and repeatedly; each is stored once."""

import hashlib
import json
import logging
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import DataError, InterfaceError, OperationalError, transaction
from django.db.models import Q

from accounts.models import Organization
from accounts.operations.audit import Actor, record
from accounts.operations.changes import Change, organization_change
from billing.models import InvoicePayment, InvoiceSync, PaymentStatus, ProviderEvent
from billing.operations.invoice_sync import STRIPE
from billing.operations.payments import set_payment_status
from billing.stripe_gateway import instant
from common.instants import rfc3339

logger = logging.getLogger(__name__)

STATUS_OF_EVENT = {
    "invoice.paid": PaymentStatus.PAID,
    "invoice.voided": PaymentStatus.VOID,
    "invoice.marked_uncollectible": PaymentStatus.UNCOLLECTIBLE,
}
PAYMENT_FAILED = "invoice.payment_failed"
UNREADABLE = "unreadable"
ODD = (ValueError, TypeError, LookupError, ArithmeticError, OSError, RecursionError)
"""What reading an odd payload raises."""


def store_event(*, payload: str, now: datetime) -> ProviderEvent | None:
    """Store an event whose signature was verified; return None if it was stored before.

    A payload that is no event, or an event that the database cannot hold, is stored as text with
    the reason, for an operator: it is not processed.
    """
    try:
        with transaction.atomic():
            return _insert(_read_event(payload, now))
    except (*ODD, DataError) as error:
        return _insert(_unreadable(payload, error, now))


def _insert(event: ProviderEvent) -> ProviderEvent | None:
    names = ("type", "created_at", "payload", "received_at", "error")
    stored, is_new = ProviderEvent.objects.get_or_create(
        event_id=event.event_id, defaults={name: getattr(event, name) for name in names}
    )
    return stored if is_new else None


def _read_event(payload: str, now: datetime) -> ProviderEvent:
    """Return the event of a payload, unsaved. Raises an error that says what is odd about it."""
    body = json.loads(payload)
    if body["object"] != "event":
        raise ValueError("it is not a snapshot event")
    for name, longest in (("id", 255), ("type", 100)):
        if not isinstance(body[name], str) or not 0 < len(body[name]) <= longest:
            raise ValueError(f"its {name} is not a text of 1 to {longest} characters")
    return ProviderEvent(
        event_id=body["id"],
        type=body["type"],
        created_at=instant(body["created"]),
        payload=body,
        received_at=now,
    )


def _unreadable(payload: str, error: Exception, now: datetime) -> ProviderEvent:
    digest = hashlib.sha256(payload.encode()).hexdigest()
    logger.warning("webhook payload %s cannot be read: %r", digest, error)
    return ProviderEvent(
        event_id=f"unreadable_{digest}",
        type=UNREADABLE,
        created_at=now,
        payload={"text": payload.replace("\0", "\N{REPLACEMENT CHARACTER}")},
        received_at=now,
        error=f"{type(error).__name__}: {error}",
    )


def process_events(*, now: datetime) -> int:
    """Process the stored events that are not processed yet; return how many this call processed.

    Several workers can run at once. An event that cannot be processed is marked with the reason,
    delays no other, and waits for an operator.
    """
    unprocessed = ProviderEvent.objects.filter(processed_at=None, error="").order_by("pk")
    return sum(
        process_event(event_id, now=now) for event_id in unprocessed.values_list("pk", flat=True)
    )


def process_event(event_id: int, *, now: datetime) -> bool:
    """Process one stored event; return False if it is processed, locked, or cannot be processed.

    `event_id` is the primary key, `now` the real time. An error of the database, like a lost
    connection, leaves the event for the next run; any other marks the event with the reason.
    """
    try:
        return _process(event_id, now)
    except (OperationalError, InterfaceError):
        logger.exception("event %s is left for the next run", event_id)
    except Exception as error:
        logger.exception("event %s cannot be processed", event_id)
        ProviderEvent.objects.filter(pk=event_id, processed_at=None).update(
            error=f"{type(error).__name__}: {error}"
        )
    return False


def process_event_again(*, event: ProviderEvent, by: Actor, now: datetime) -> bool:
    """Process an event that could not be processed, at an operator's word; return whether it was.

    It is recorded in the log of the customer whose invoice the event is about. An unreadable
    payload cannot be processed at all.
    """
    if event.type == UNREADABLE or event.processed_at:
        return False
    organization = _organization_of(event)
    with transaction.atomic(durable=True):
        ProviderEvent.objects.filter(pk=event.pk).update(error="")
        record(
            organization=organization,
            by=by,
            action="provider_event.retried",
            subject=event.event_id,
            at=(organization and organization.clock_at) or now,
            before={"error": event.error},
        )
    return process_event(event.pk, now=now)


def _process(event_id: int, now: datetime) -> bool:
    """Due days of the organization are opened first, so that the days on which the invoice was
    overdue keep their effect (R7, R11)."""
    event = ProviderEvent.objects.filter(pk=event_id, processed_at=None, error="").first()
    if event is None:
        return False
    sync = _sync_of(event)
    if sync is None:
        with transaction.atomic(durable=True):
            return _mark_processed(event_id, "ignored: " + _why_ignored(event), now)
    organization = sync.organization
    with organization_change(
        organization=organization, by=STRIPE, now=organization.clock_at or now
    ) as change:
        if _lock(event_id) is None:
            return False
        return _mark_processed(event_id, _apply(change, event, sync), now)


def _lock(event_id: int) -> ProviderEvent | None:
    return (
        ProviderEvent.objects.select_for_update(skip_locked=True)
        .filter(pk=event_id, processed_at=None)
        .first()
    )


def _mark_processed(event_id: int, outcome: str, now: datetime) -> bool:
    unprocessed = ProviderEvent.objects.filter(pk=event_id, processed_at=None)
    return bool(unprocessed.update(outcome=outcome, processed_at=now))


def _apply(change: Change, event: ProviderEvent, sync: InvoiceSync) -> str:
    """Apply the event to its invoice, and return the outcome."""
    payment = InvoicePayment.objects.select_for_update().get(pk=sync.pk)
    # By the test clock in a sandbox, otherwise by the provider's clock, even for a late event.
    at = change.organization.clock_at or event.created_at
    if event.type == PAYMENT_FAILED:
        return _note_payment_failed(change, payment, at=at)
    if set_payment_status(change, payment, STATUS_OF_EVENT[event.type], at=at):
        return f"now {payment.status}"
    return f"ignored: {payment.status} already"


def _is_about_payment(event: ProviderEvent) -> bool:
    return event.type in STATUS_OF_EVENT or event.type == PAYMENT_FAILED


def _why_ignored(event: ProviderEvent) -> str:
    return "no invoice of ours" if _is_about_payment(event) else "nothing follows from it"


def _sync_of(event: ProviderEvent) -> InvoiceSync | None:
    """Return the sync of the event's invoice, or None if there is none.

    Our id in the metadata is used only while Stripe's id is not stored: if somebody copies the
    invoice at Stripe, the copy has our id too.
    """
    if not _is_about_payment(event):
        return None
    stripe_invoice: Mapping[str, Any] = event.payload["data"]["object"]
    invoice_id = (stripe_invoice.get("metadata") or {}).get("invoice", "")
    return (
        InvoiceSync.objects.select_related("organization")
        .filter(
            Q(provider_id=stripe_invoice["id"]) | Q(provider_id="", invoice__public_id=invoice_id)
        )
        .first()
    )


def _organization_of(event: ProviderEvent) -> Organization | None:
    """Return the organization of the event's invoice, or None: an odd payload may name none."""
    try:
        sync = _sync_of(event)
    except ODD:
        return None
    return sync.organization if sync else None


def _note_payment_failed(change: Change, payment: InvoicePayment, *, at: datetime) -> str:
    """Record the failure and enqueue an email, unless nothing is owed; return the outcome.

    The payment status does not change.
    """
    if payment.is_final:
        return f"ignored: {payment.status} already"
    if payment.payment_failed_at is None or payment.payment_failed_at < at:
        payment.payment_failed_at = at
        payment.save(update_fields=["payment_failed_at"])
    invoice_id = payment.invoice.public_id
    change.record(PAYMENT_FAILED, invoice_id, after={"at": rfc3339(at)})
    change.enqueue_email("payment_failed", invoice_id)
    return "payment failure noted"
