"""Says where demo data would do harm: its people could sign in beside real customers."""

import os

from django.conf import settings

from billing.stripe_gateway import Gateway


def reason_against_demo_data() -> str | None:
    """Return why no demo data may be made here by itself, or None if it may."""
    if os.environ.get("DATABASE_URL"):
        return "DATABASE_URL is set, and its database may have customers"
    return reason_to_refuse_demo_data()


def reason_to_refuse_demo_data() -> str | None:
    """Return why no demo data may be made here even if somebody asks for it, or None."""
    if settings.PRODUCTION:
        return "SCALETIER_PRODUCTION is set"
    gateway = Gateway.from_settings()
    return "STRIPE_SECRET_KEY is a live key" if gateway and gateway.is_live else None
