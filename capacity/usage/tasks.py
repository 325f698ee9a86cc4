"""Celery tasks of usage; the work itself is in operations."""

import logging

from celery import shared_task
from django.utils import timezone

from capacity.usage.operations.retention import keep_usage
from capacity.usage.operations.sweep import (
    close_due_windows_everywhere,
    raise_usage_alerts_everywhere,
)

logger = logging.getLogger(__name__)


@shared_task
def close_windows() -> None:
    """Close due windows (R14). It may run twice, late, or at the same time as another run."""
    closed = close_due_windows_everywhere(now=timezone.now())
    if closed:
        logger.info("closed windows of %d organizations", closed)


@shared_task
def raise_alerts() -> None:
    """Raise usage alerts. It may run twice, late, or at the same time as another run."""
    if raised := raise_usage_alerts_everywhere(now=timezone.now()):
        logger.info("raised %d usage alerts", raised)


@shared_task
def keep_usage_partitions() -> None:
    """Make the partitions of the next month, and drop and delete what is no longer kept."""
    if changed := keep_usage(now=timezone.now()):
        logger.info("partitions and old rows of usage that came or went: %d", changed)
