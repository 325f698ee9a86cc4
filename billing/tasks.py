"""What Celery's beat knocks for; the work itself is in operations."""

import logging
from collections import Counter

from celery import shared_task
from django.utils import timezone

from billing.operations import provider_events
from billing.operations.dispatches import Attempt, send_next

logger = logging.getLogger(__name__)

BATCH = 25
"""Invoices that one knock sends at most, so that other work gets its turn."""


@shared_task
def send_invoices() -> None:
    """Send issued invoices to the provider. Knocking twice or at once sends nothing twice.

    A transient problem ends the round: what ails one request ails the next, and has eased perhaps
    by the next knock.
    """
    came_of_it: Counter[Attempt] = Counter()
    for _ in range(BATCH):
        attempt = send_next(now=timezone.now())
        if attempt is None:
            break
        came_of_it[attempt] += 1
        if attempt is Attempt.LATER:
            break
    for attempt, count in came_of_it.items():
        logger.info("invoices to the provider: %d %s", count, attempt.value)


@shared_task
def process_event(event: int) -> None:
    """Give one stored event its effect."""
    provider_events.process_event(event, now=timezone.now())


@shared_task
def process_events() -> None:
    """Pick up stored events that nobody has processed, as when the broker was down."""
    provider_events.process_events(now=timezone.now())
