"""Celery tasks of billing; the work itself is in operations."""

import logging
from collections import Counter
from collections.abc import Callable
from datetime import datetime

from celery import shared_task
from django.utils import timezone

from billing.operations import provider_events
from billing.operations.customer_sync import sync_next_customer
from billing.operations.invoice_sync import SyncResult, sync_next_invoice

logger = logging.getLogger(__name__)

BATCH = 25
"""The most invoices or customers that one run syncs, so that other tasks need not wait."""


@shared_task
def sync_invoices() -> None:
    """Sync issued invoices to the provider. Several runs, at the same moment too, send each once.

    A transient failure ends the run: the next request would probably fail for the same reason. The
    next run continues.
    """
    _sync_batch("invoices", lambda now: sync_next_invoice(now=now))


@shared_task
def sync_customers() -> None:
    """Sync billing details to the provider, as `sync_invoices` does invoices."""
    _sync_batch("customers", lambda now: sync_next_customer(now=now))


def _sync_batch(noun: str, sync_next: Callable[[datetime], SyncResult | None]) -> None:
    results: Counter[SyncResult] = Counter()
    for _ in range(BATCH):
        result = sync_next(timezone.now())
        if result is None:
            break
        results[result] += 1
        if result is SyncResult.RETRY_LATER:
            break
    for result, count in results.items():
        logger.info("%s synced to the provider: %d %s", noun, count, result.value)


@shared_task
def process_event(event: int) -> None:
    """Process one stored event."""
    provider_events.process_event(event, now=timezone.now())


@shared_task
def process_events() -> None:
    """Process the stored events that are not processed, as after an outage of the broker."""
    provider_events.process_events(now=timezone.now())
