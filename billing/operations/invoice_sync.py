"""Syncing each issued invoice to the payment provider exactly once, after failures too.

Postgres is the outbox: an `InvoiceSync` is made in the transaction that issues its invoice. A
worker claims one for a short while, talks to Stripe outside any transaction, and stores the result.
A worker can be killed at any point: the worker that claims the sync next starts over, and each
step first looks up what exists already. Two things make that safe:

- each request that creates an object has an idempotency key made of the invoice's id, so that a
  repeated request within 24 hours, even at the same moment, creates no second object;
- Stripe forgets keys after 24 hours, so each object is looked up by its metadata before it is
  created.

The generation of a key is read before the lookup. So a worker with the old key gets the old
response, and a worker with the new key finds the object that the old key made.

A payment that an operator records later puts the sync back in the queue, and the next worker marks
the Stripe invoice as paid too. Both change the sync under its lock, so a payment recorded while its
invoice is being synced is not missed.
"""

import logging
from datetime import datetime, timedelta
from enum import Enum
from typing import Any

from django.db import connection, transaction
from django.db.models import F, Q, QuerySet

from accounts.operations.audit import Actor, record
from accounts.operations.changes import organization_change
from billing.models import Invoice, InvoicePayment, InvoiceSync, SyncStatus
from billing.operations.provider_customers import forget_customer
from billing.operations.provider_invoices import PAYABLE, sync_invoice
from billing.stripe_gateway import (
    CustomerUnknown,
    Gateway,
    ProviderRejected,
    ProviderUnavailable,
    StripeInvoice,
)
from common.retries import wait_before_retry

logger = logging.getLogger(__name__)

STRIPE = Actor("stripe")
LEASE = timedelta(minutes=1)
"""How long a claim excludes other workers. After it, two workers may do the same work twice."""


class SyncResult(Enum):
    """The result of syncing one invoice."""

    SYNCED = "synced"
    RETRY_LATER = "to be retried later"
    FAILED = "failed"
    NOT_NEEDED = "not needed"


def sync_next_invoice(*, now: datetime) -> SyncResult | None:
    """Sync the invoice that is due first, and return the result; None if none is due.

    `now` is the real time, for sandboxes too: Stripe knows no test clock. Without a secret key
    every sync stays pending.
    """
    gateway = Gateway.from_settings()
    sync = _claim(now) if gateway else None
    if gateway is None or sync is None:
        return None
    if not sync.provider_id and sync.invoice.payment.is_final:
        return _mark_not_needed(sync, now)
    return _try(sync, gateway, now)


def _try(sync: InvoiceSync, gateway: Gateway, now: datetime) -> SyncResult:
    try:
        return _mark_synced(sync, sync_invoice(sync, gateway, now), now)
    except CustomerUnknown as error:
        forget_customer(sync.organization, now)
        return _retry_later(sync, f"{error} It will be made anew.", now)
    except ProviderRejected as error:
        return _mark_failed(sync, str(error), now)
    except ProviderUnavailable as error:
        return _retry_later(sync, str(error), now, key_used_up=error.key_used_up)
    except Exception as error:  # One odd invoice delays no other.
        logger.exception("invoice %s could not be synced", sync.invoice.public_id)
        return _retry_later(sync, f"An error of our own: {error!r}", now)


def retry_sync(*, sync: InvoiceSync, by: Actor, now: datetime) -> bool:
    """Put a failed sync back in the queue, with new idempotency keys.

    Return False if the sync has not failed. `now` is the organization's time.
    """
    with organization_change(organization=sync.organization, by=by, now=now) as change:
        is_failed = InvoiceSync.objects.filter(pk=sync.pk, status=SyncStatus.FAILED).update(
            status=SyncStatus.PENDING,
            failures=0,
            generation=F("generation") + 1,
            next_attempt_at=None,
        )
        if is_failed:
            change.record("invoice.send_again", sync.invoice.public_id)
    return bool(is_failed)


def enqueue_payment_sync(invoice: Invoice) -> None:
    """Put the sync back in the queue, in the transaction that records a payment outside Stripe.

    A sync that is pending is not changed: `_mark_synced` queues it again. The higher count of
    attempts invalidates the claim of a worker whose lease has run out.
    """
    assert connection.in_atomic_block, (
        "a payment is recorded in the transaction that enqueues its sync"
    )
    sync = InvoiceSync.objects.select_for_update(no_key=True).get(pk=invoice.pk)
    if sync.status in {SyncStatus.SYNCED, SyncStatus.FAILED}:
        sync.status = SyncStatus.PENDING
        sync.failures = 0
        sync.attempts += 1
        sync.next_attempt_at = None
        sync.save(update_fields=["status", "failures", "attempts", "next_attempt_at"])


def _claim(now: datetime) -> InvoiceSync | None:
    """Claim the sync that is due first, for one lease. Return None if none is due."""
    with transaction.atomic(durable=True):
        sync = (
            InvoiceSync.objects.select_for_update(skip_locked=True, no_key=True, of=("self",))
            .select_related("invoice__payment", "organization")
            .filter(
                Q(next_attempt_at=None) | Q(next_attempt_at__lte=now),
                status=SyncStatus.PENDING,
            )
            .order_by(F("next_attempt_at").asc(nulls_first=True), "invoice_id")
            .first()
        )
        if sync is not None:
            sync.attempts += 1
            sync.next_attempt_at = now + LEASE
            sync.save(update_fields=["attempts", "next_attempt_at"])
    return sync


def _retry_later(
    sync: InvoiceSync, reason: str, now: datetime, *, key_used_up: bool = False
) -> SyncResult:
    """Schedule the next attempt. Each wait is twice as long as the one before."""
    _still_claimed(sync).update(
        failures=F("failures") + 1,
        generation=F("generation") + int(key_used_up),
        next_attempt_at=now + wait_before_retry(sync.failures),
        last_error=reason,
    )
    return SyncResult.RETRY_LATER


def _mark_failed(sync: InvoiceSync, reason: str, now: datetime) -> SyncResult:
    """Mark the sync as failed, with the reason. An operator can retry it."""
    with transaction.atomic(durable=True):
        if _still_claimed(sync).update(
            status=SyncStatus.FAILED, next_attempt_at=None, last_error=reason
        ):
            _record(sync, "invoice.sending_failed", now, after={"reason": reason})
    return SyncResult.FAILED


def _mark_not_needed(sync: InvoiceSync, now: datetime) -> SyncResult:
    """Mark a sync that is not needed: the invoice was paid before it reached Stripe.

    A worker whose lease has run out may have made the Stripe invoice meanwhile: then the sync stays
    pending, and the next attempt marks that invoice as paid.
    """
    with transaction.atomic(durable=True):
        if (
            _still_claimed(sync)
            .filter(provider_id="")
            .update(status=SyncStatus.NOT_NEEDED, next_attempt_at=None, last_error="")
        ):
            _record(sync, "invoice.sending_needless", now)
    return SyncResult.NOT_NEEDED


def _mark_synced(sync: InvoiceSync, stripe_invoice: StripeInvoice, now: datetime) -> SyncResult:
    """Store that the invoice is synced, even if another worker has claimed the sync meanwhile.

    If the invoice was paid outside Stripe meanwhile and can still be paid there, the sync goes back
    in the queue.
    """
    with transaction.atomic(durable=True):
        row = InvoiceSync.objects.select_for_update(no_key=True).get(pk=sync.pk)
        if row.status == SyncStatus.SYNCED:
            return SyncResult.SYNCED
        payment = InvoicePayment.objects.get(pk=row.pk)
        is_payable_though_paid = stripe_invoice.status in PAYABLE and payment.is_final
        row.status = SyncStatus.PENDING if is_payable_though_paid else SyncStatus.SYNCED
        row.next_attempt_at = None
        row.last_error = ""
        row.provider_id = stripe_invoice.id
        row.provider_total = stripe_invoice.total
        row.hosted_url = stripe_invoice.hosted_url
        row.synced_at = row.synced_at or now
        row.save()
        is_payment_synced = sync.invoice.payment.is_final
        action = "invoice.payment_told" if is_payment_synced else "invoice.sent"
        _record(sync, action, now, after={"stripe_invoice": stripe_invoice.id})
    return SyncResult.SYNCED


def _still_claimed(sync: InvoiceSync) -> QuerySet[InvoiceSync]:
    """Return a query of the sync's row. It is empty if another worker has claimed it since."""
    return InvoiceSync.objects.filter(pk=sync.pk, status=SyncStatus.PENDING, attempts=sync.attempts)


def _record(
    sync: InvoiceSync, action: str, now: datetime, *, after: dict[str, Any] | None = None
) -> None:
    record(
        organization=sync.organization,
        by=STRIPE,
        action=action,
        subject=sync.invoice.public_id,
        at=sync.organization.clock_at or now,
        after=after,
    )
