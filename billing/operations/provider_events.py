"""Events of the payment provider, which come in any order and repeatedly; each is stored once."""

import logging
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Q

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


def store_event(*, event: Mapping[str, Any], now: datetime) -> ProviderEvent | None:
    """Store an event whose signature was verified; return None if it was stored before."""
    stored, is_new = ProviderEvent.objects.get_or_create(
        event_id=event["id"],
        defaults={
            "type": event["type"],
            "created_at": instant(event["created"]),
            "payload": event,
            "received_at": now,
        },
    )
    return stored if is_new else None


def process_events(*, now: datetime) -> int:
    """Process the stored events that are not processed yet; return how many this call processed.

    Several workers can run at once. An event that cannot be processed delays no other; the next
    call tries it again.
    """
    processed = 0
    unprocessed = ProviderEvent.objects.filter(processed_at=None).order_by("pk")
    for event_id in unprocessed.values_list("pk", flat=True):
        try:
            processed += process_event(event_id, now=now)
        except Exception:
            logger.exception("event %s cannot be processed", event_id)
    return processed


def process_event(event_id: int, *, now: datetime) -> bool:
    """Process one stored event; return False if another worker has processed or locked it.

    `event_id` is the primary key, `now` the real time. Due days of the organization are opened
    first, so the days on which the invoice was overdue keep their effect (R7, R11).
    """
    event = ProviderEvent.objects.filter(pk=event_id, processed_at=None).first()
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
