"""Charges, as they were posted."""

from datetime import date

from django.db.models import QuerySet

from accounts.models import Organization
from billing.models import Charge


def charges(
    organization: Organization,
    *,
    lot: str | None = None,
    posted_from: date | None = None,
    posted_to: date | None = None,
) -> QuerySet[Charge]:
    """Charges posted on the days `[posted_from, posted_to)`, newest first."""
    found = Charge.objects.filter(organization=organization)
    if lot is not None:
        found = found.filter(lot=lot)
    if posted_from is not None:
        found = found.filter(posted_on__gte=posted_from)
    if posted_to is not None:
        found = found.filter(posted_on__lt=posted_to)
    return found.order_by("-pk")
