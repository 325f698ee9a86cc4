"""Purchases with their lots."""

from django.db.models import Prefetch, QuerySet

from accounts.models import Organization
from capacity.models import Lot, Purchase
from capacity.queries.lots import with_details
from common.errors import NotFound


def purchases(organization: Organization) -> QuerySet[Purchase]:
    """Return purchases with their lots, newest first."""
    return (
        Purchase.objects.filter(organization=organization)
        .select_related("snapshot", "project", "pool", "created_by")
        .prefetch_related(Prefetch("lots", with_details(Lot.objects.order_by("pk"))))
        .order_by("-pk")
    )


def find_purchase(organization: Organization, purchase_id: str) -> Purchase:
    """Return a purchase with its lots. Raises NotFound, for another's purchase too (R18)."""
    purchase = purchases(organization).filter(public_id=purchase_id).first()
    if purchase is None:
        raise NotFound(f"There is no purchase “{purchase_id}”.")
    return purchase
