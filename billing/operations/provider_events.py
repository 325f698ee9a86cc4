"""What the payment provider tells us: stored once, then given effect, in any order and repeated."""

import logging
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Q

from accounts.instants import rfc3339
from accounts.operations.audit import record
from accounts.operations.days import bring_up_to_date
from accounts.operations.notices import announce
from accounts.operations.organizations import lock_organization
from billing.models import Dispatch, ProviderEvent, Settlement, SettlementStatus
from billing.operations.dispatches import STRIPE
from billing.operations.settlements import settle
from billing.stripe_gateway import instant

logger = logging.getLogger(__name__)

SETTLES = {
    "invoice.paid": SettlementStatus.PAID,
    "invoice.voided": SettlementStatus.VOID,
    "invoice.marked_uncollectible": SettlementStatus.UNCOLLECTIBLE,
}
PAYMENT_FAILED = "invoice.payment_failed"


def store_event(*, event: Mapping[str, Any], now: datetime) -> ProviderEvent | None:
    """Keep an event whose signature was verified; None if it was kept before."""
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
    """Process what is stored and was not processed yet; how many. Sweeps share the work.

    An event that cannot be processed holds up no other; the next sweep tries it again.
    """
    processed = 0
    for pk in ProviderEvent.objects.filter(processed_at=None).order_by("pk").values_list("pk"):
        try:
            processed += process_event(pk[0], now=now)
        except Exception:
            logger.exception("event %s cannot be processed", pk[0])
    return processed


def process_event(event: int, *, now: datetime) -> bool:
    """Give one stored event its effect, once; False if that is done, or another is at it.

    The organization that it is about is brought up to date first: news of a payment forgives no
    day on which the invoice was overdue (R7, R11). `now` is the real time.
    """
    known = ProviderEvent.objects.filter(pk=event, processed_at=None).first()
    if known is None:
        return False
    dispatch = _dispatch_of(known)
    if dispatch:
        organization = dispatch.organization
        bring_up_to_date(organization=organization, now=organization.clock_at or now)
    with transaction.atomic(durable=True):
        row = (
            ProviderEvent.objects.select_for_update(skip_locked=True)
            .filter(pk=event, processed_at=None)
            .first()
        )
        if row is None:
            return False
        row.outcome = _give_effect(row, dispatch, now)
        row.processed_at = now
        row.save(update_fields=["outcome", "processed_at"])
    return True


def _give_effect(event: ProviderEvent, dispatch: Dispatch | None, now: datetime) -> str:
    if not _matters(event):
        return "ignored: nothing follows from it"
    if dispatch is None:
        return "ignored: no invoice of ours"
    organization = lock_organization(dispatch.organization)
    settlement = Settlement.objects.select_for_update().get(pk=dispatch.pk)
    # A sandbox has a time of its own; the others have the provider's, however late it is told.
    at = organization.clock_at or event.created_at
    recorded_at = organization.clock_at or now
    if event.type == PAYMENT_FAILED:
        return _note_payment_failed(settlement, at=at, recorded_at=recorded_at)
    moved = settle(
        settlement=settlement, status=SETTLES[event.type], by=STRIPE, settled_at=at, now=recorded_at
    )
    return f"now {settlement.status}" if moved else f"ignored: {settlement.status} already"


def _matters(event: ProviderEvent) -> bool:
    return event.type in SETTLES or event.type == PAYMENT_FAILED


def _dispatch_of(event: ProviderEvent) -> Dispatch | None:
    """By Stripe's id; by ours only while Stripe's is not written down, as a copy has our id too."""
    if not _matters(event):
        return None
    stripe_invoice: Mapping[str, Any] = event.payload["data"]["object"]
    ours = (stripe_invoice.get("metadata") or {}).get("invoice", "")
    return (
        Dispatch.objects.select_related("organization")
        .filter(Q(provider_id=stripe_invoice["id"]) | Q(provider_id="", invoice__public_id=ours))
        .first()
    )


def _note_payment_failed(settlement: Settlement, *, at: datetime, recorded_at: datetime) -> str:
    """The invoice stays as it is; its organization is told, unless it has been settled since."""
    if SettlementStatus(settlement.status).is_final:
        return f"ignored: {settlement.status} already"
    if settlement.payment_failed_at is None or settlement.payment_failed_at < at:
        settlement.payment_failed_at = at
        settlement.save(update_fields=["payment_failed_at"])
    record(
        organization=settlement.organization,
        by=STRIPE,
        action="invoice.payment_failed",
        subject=settlement.invoice.public_id,
        at=recorded_at,
        after={"at": rfc3339(at)},
    )
    announce(
        organizations=[settlement.organization_id],
        kind=PAYMENT_FAILED.replace("invoice.", ""),
        subject=settlement.invoice.public_id,
        now=recorded_at,
    )
    return "payment failure noted"
