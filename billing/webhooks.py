"""The webhook of the payment provider: events are verified and stored; a task processes them."""

import logging

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST
from kombu.exceptions import OperationalError

from billing.operations.provider_events import store_event
from billing.stripe_gateway import BadSignature, verified_payload
from billing.tasks import process_event

logger = logging.getLogger(__name__)


@csrf_exempt
@login_not_required
@require_POST
def stripe_webhook(request: HttpRequest) -> HttpResponse:
    """Store the event. Return 200 if it is stored, now or earlier; 400 without a signature."""
    try:
        payload = verified_payload(request.body, request.headers.get("Stripe-Signature", ""))
    except BadSignature as error:
        logger.warning("webhook refused: %s", error)
        return HttpResponse("bad signature\n", status=400, content_type="text/plain")
    stored = store_event(payload=payload, now=timezone.now())
    if stored is not None and not stored.error:
        try:
            process_event.delay(stored.pk)
        except (
            OperationalError
        ):  # The broker is down; the task `process_events` will find the event.
            logger.exception("event %s waits for process_events", stored.event_id)
    return HttpResponse("ok\n", content_type="text/plain")
