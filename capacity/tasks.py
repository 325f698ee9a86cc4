"""Celery tasks of capacity; the work itself is in operations."""

import logging

from celery import shared_task
from django.utils import timezone

from capacity.operations.sweep import open_due_days_everywhere

logger = logging.getLogger(__name__)


@shared_task
def open_due_days() -> None:
    """Open what is due (R7). Running it twice, late, or at the same time as another is harmless.

    Fails, for Celery to log, when an organization was left behind.
    """
    opened = open_due_days_everywhere(now=timezone.now())
    if opened.days:
        logger.info("opened %d days, posted %d charges", opened.days, opened.charges)
