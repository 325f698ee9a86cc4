"""Prior transactions."""

from django.db.models import Q, QuerySet

from accounts.models import Organization
from capacity.models import Lot, Transaction


def transactions(
    organization: Organization, *, model: str | None = None, lot: Lot | None = None
) -> QuerySet[Transaction]:
    """Return purchases, cancellations, undos and expiries, newest first."""
    rows = Transaction.objects.filter(organization=organization)
    if model is not None:
        rows = rows.filter(snapshot__model=model)
    if lot is not None:
        rows = rows.filter(lot=lot)
    return rows.select_related("snapshot", "lot", "by").order_by("-pk")


def search_transactions(rows: QuerySet[Transaction], text: str) -> QuerySet[Transaction]:
    """Return the transactions whose id or lot begins so, or whose person or note has the text."""
    found = Q(public_id__istartswith=text) | Q(lot__public_id__istartswith=text)
    for column in ("by__name", "by__email", "note"):
        found |= Q(**{f"{column}__icontains": text})
    return rows.filter(found) if text else rows
