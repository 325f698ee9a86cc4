"""Celery tasks of capacity; the work itself is in operations."""

import logging

from celery import shared_task
from django.utils import timezone

from capacity.operations.sweep import open_due_days_everywhere

logger = logging.getLogger(__name__)


@shared_task
def open_due_days() -> None:
    """Open due days (R7). It may run twice, late, or at the same time as another run.

    It raises LeftBehindError, which Celery logs, if a day could not be opened.
    """
    opened = open_due_days_everywhere(now=timezone.now())
    if opened.days:
        logger.info("opened %d days, posted %d charges", opened.days, opened.charges)
