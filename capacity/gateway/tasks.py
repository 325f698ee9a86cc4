"""Celery tasks of the gateway; the work itself is in operations."""

import logging

from celery import shared_task
from django.utils import timezone

from capacity.gateway.operations.metering import keep_partitions, meter_requests

logger = logging.getLogger(__name__)


@shared_task
def meter() -> None:
    """Count what the gateway served. It may run twice, late, or at the same time as another run."""
    meter_requests(real_now=timezone.now())


@shared_task
def keep_request_partitions() -> None:
    """Make the partitions of the next day, and drop those that are no longer kept."""
    if changed := keep_partitions():
        logger.info("made or dropped %d partitions of gateway requests", changed)
