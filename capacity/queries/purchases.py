"""Purchases with their lots."""

from django.db.models import Prefetch, QuerySet

from accounts.models import Organization
from capacity.models import Lot, Purchase
from capacity.queries.lots import with_details
from common.errors import NotFound
from common.texts import counted


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


def cost_in_words(purchase: Purchase, *, on: str = "today") -> str:
    """Return what a purchase costs and when, at standard rates (R3, R9)."""
    lots = list(purchase.lots.order_by("pk"))
    term = lots[0].term
    per_day = sum((lot.daily_price * lot.units for lot in lots), start=purchase.list_amount * 0)
    return (
        f"Charged {on} for {counted(term.first_term_days, 'day')}, on the invoice of "
        f"{term.invoice_on}: {purchase.list_amount}; then {per_day} a day; committed in all "
        f"{per_day * term.committed_days}, to {term.last_committed_day} UTC inclusive."
    )
