"""Prior transactions."""

from django.db.models import QuerySet

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
