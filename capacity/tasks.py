"""What Celery's beat knocks for; the work itself is in operations."""

import logging

from celery import shared_task
from django.utils import timezone

from capacity.operations.opening import open_everyones_due_days

logger = logging.getLogger(__name__)


@shared_task
def open_due_days() -> None:
    """Open what is due (R7). Knocking twice, late, or at the same time as another is harmless.

    Fails, for Celery to log and to tell of, when an organization was left behind.
    """
    opened = open_everyones_due_days(now=timezone.now())
    if opened.days:
        logger.info("opened %d days, posted %d charges", opened.days, opened.charges)
