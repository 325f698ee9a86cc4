"""The task that goes on sending the requests of the demo, so that its charts live."""

from celery import shared_task
from django.utils import timezone

from scaletier.devserver.demo_traffic import add_requests, customer_with_traffic


@shared_task
def add_live_requests(seconds: int) -> None:
    """Count the requests of the last seconds. One that is missed leaves them out."""
    if customer := customer_with_traffic():
        add_requests(customer, now=timezone.now(), seconds=seconds)
