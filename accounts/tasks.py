"""What Celery's beat knocks for; the work itself is in operations."""

from celery import shared_task
from django.utils import timezone

from accounts.operations.notices import send_due_notices


@shared_task
def send_notices() -> None:
    """Send the mail that is owed. Knocking twice or at once sends nothing twice."""
    send_due_notices(now=timezone.now())
