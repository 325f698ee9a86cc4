"""Celery tasks of accounts; the work itself is in operations."""

from celery import shared_task
from django.utils import timezone

from accounts.operations.emails import send_due_emails


@shared_task
def send_emails() -> None:
    """Send the emails that are due. Several runs, at the same moment too, send each email once."""
    send_due_emails(now=timezone.now())
