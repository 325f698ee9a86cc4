"""Webhooks of Stripe: whether one is from it, and its timestamps."""

from datetime import UTC, datetime

from django.conf import settings

from billing.stripe_gateway.errors import BadSignature


def verified_payload(payload: bytes, signature: str) -> str:
    """Return a webhook's body as text.

    Raises BadSignature unless Stripe signed it for us within the last five minutes.
    """
    import stripe  # noqa: PLC0415

    secret = settings.STRIPE_WEBHOOK_SECRET
    if not secret:  # Anyone can sign with an empty secret.
        raise BadSignature("STRIPE_WEBHOOK_SECRET is not set.")
    try:
        text = payload.decode()
        stripe.WebhookSignature.verify_header(
            text, signature, secret, stripe.Webhook.DEFAULT_TOLERANCE
        )
    except (ValueError, stripe.SignatureVerificationError) as error:
        raise BadSignature(str(error)) from error
    return text


def instant(timestamp: int) -> datetime:
    """Return the instant of a Stripe timestamp."""
    return datetime.fromtimestamp(timestamp, UTC)
