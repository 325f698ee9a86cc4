"""Syncing the billing details of each organization to its customer at the payment provider.

Postgres is the outbox: `CustomerSync` is put in the queue in the transaction that changes the
details. A worker claims one for a short while, sends the details as they are, and stores the
result. Sending them twice does no harm, but sending earlier ones last would: so a change leaves a
running claim alone, and a worker whose claim ran out, or that has sent an earlier revision, lets
the details be sent again.

Invoices do not wait for it: they only need that the customer is there (`provider_customers`).
"""

import logging
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import F, Q

from accounts.operations.audit import Actor, record
from accounts.operations.changes import organization_change
from billing.models import CustomerSync, SyncStatus
from billing.operations.invoice_sync import STRIPE, SyncResult
from billing.operations.provider_customers import forget_customer, sync_customer, sync_tax_id
from billing.stripe_gateway import (
    CustomerUnknown,
    Gateway,
    ProviderRejected,
    ProviderUnavailable,
)
from common.retries import wait_before_retry

logger = logging.getLogger(__name__)

LEASE = timedelta(minutes=1)
"""How long a claim excludes other workers."""


def sync_next_customer(*, now: datetime) -> SyncResult | None:
    """Sync the customer that is due first, and return the result; None if none is due.

    `now` is the real time, for sandboxes too. Without a secret key every sync stays pending.
    """
    gateway = Gateway.from_settings()
    sync = _claim(now) if gateway else None
    if gateway is None or sync is None:
        return None
    try:
        _send(sync, gateway, now)
    except CustomerUnknown as error:
        forget_customer(sync.organization, now)
        return _retry_later(sync, f"{error} It will be made anew.", now)
    except ProviderRejected as error:
        return _finish(sync, now, error=str(error))
    except ProviderUnavailable as error:
        return _retry_later(sync, str(error), now, key_used_up=error.key_used_up)
    except Exception as error:  # One odd customer delays no other.
        logger.exception("customer of %s could not be synced", sync.organization.public_id)
        return _retry_later(sync, f"An error of our own: {error!r}", now)
    return _finish(sync, now)


def retry_customer_sync(*, sync: CustomerSync, by: Actor, now: datetime) -> bool:
    """Put a failed sync back in the queue. Return False if it has not failed.

    `now` is the organization's time.
    """
    with organization_change(organization=sync.organization, by=by, now=now) as change:
        is_failed = CustomerSync.objects.filter(pk=sync.pk, status=SyncStatus.FAILED).update(
            status=SyncStatus.PENDING, revision=F("revision") + 1, failures=0, next_attempt_at=None
        )
        if is_failed:
            change.record("billing_details.send_again", sync.organization.public_id)
    return bool(is_failed)


def _send(sync: CustomerSync, gateway: Gateway, now: datetime) -> None:
    organization = sync.organization
    if gateway.is_live and organization.is_sandbox:
        raise ProviderRejected("A sandbox never reaches Stripe's live mode; a test key syncs it.")
    customer_id = sync_customer(organization, gateway, now)
    key = f"{organization.public_id}:tax_id:{sync.revision}"
    sync_tax_id(organization, customer_id, gateway, key=key)


def _claim(now: datetime) -> CustomerSync | None:
    """Claim the sync that is due first, for one lease. Return None if none is due."""
    with transaction.atomic(durable=True):
        sync = (
            CustomerSync.objects.select_for_update(skip_locked=True, no_key=True, of=("self",))
            .select_related("organization")
            .filter(
                Q(next_attempt_at=None) | Q(next_attempt_at__lte=now),
                Q(claimed_until=None) | Q(claimed_until__lte=now),
                status=SyncStatus.PENDING,
            )
            .order_by(F("next_attempt_at").asc(nulls_first=True), "organization_id")
            .first()
        )
        if sync is not None:
            sync.attempts += 1
            sync.claimed_until = now + LEASE
            sync.save(update_fields=["attempts", "claimed_until"])
    return sync


def _retry_later(
    sync: CustomerSync, reason: str, now: datetime, *, key_used_up: bool = False
) -> SyncResult:
    """Schedule the next attempt, unless another worker has claimed the sync meanwhile."""
    claimed = CustomerSync.objects.filter(pk=sync.pk, attempts=sync.attempts)
    claimed.update(
        failures=F("failures") + 1,
        revision=F("revision") + int(key_used_up),
        claimed_until=None,
        last_error=reason,
    )
    claimed.filter(revision=sync.revision + int(key_used_up)).update(
        next_attempt_at=now + wait_before_retry(sync.failures)
    )
    return SyncResult.RETRY_LATER


def _finish(sync: CustomerSync, now: datetime, *, error: str = "") -> SyncResult:
    """Store that this revision is sent, or why Stripe refuses it, and let a newer one be sent."""
    with transaction.atomic(durable=True):
        row = CustomerSync.objects.select_for_update(no_key=True).get(pk=sync.pk)
        if (row.attempts, row.revision) == (sync.attempts, sync.revision):
            row.status = SyncStatus.FAILED if error else SyncStatus.SYNCED
            row.synced_at = row.synced_at if error else now
        elif row.attempts != sync.attempts:  # Which of both was sent last, nobody knows.
            row.revision += 1
            row.status = SyncStatus.PENDING
        if row.attempts == sync.attempts:
            row.claimed_until = None
        row.next_attempt_at = None
        row.last_error = error
        row.save()
        _record(sync, now, error)
    return SyncResult.FAILED if error else SyncResult.SYNCED


def _record(sync: CustomerSync, now: datetime, error: str) -> None:
    after: dict[str, Any] | None = {"reason": error} if error else None
    record(
        organization=sync.organization,
        by=STRIPE,
        action="billing_details.sending_failed" if error else "billing_details.sent",
        subject=sync.organization.public_id,
        at=sync.organization.clock_at or now,
        after=after,
    )
