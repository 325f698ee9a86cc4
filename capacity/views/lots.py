"""The page of a lot."""

from django.http import HttpResponse
from django.views.decorators.http import require_GET

from accounts.access import AccessContext, Permission
from accounts.views.permissions import PageRequest, permission_required
from billing.queries.charges import charges
from capacity.queries.lots import find_lot
from capacity.queries.transactions import transactions
from common.lists import list_page, render_lists


@permission_required(Permission.SCALE_TIER)
@require_GET
def lot_page(request: PageRequest, access: AccessContext, lot_id: str) -> HttpResponse:
    """Show a lot with its cancellations, transactions and charges."""
    organization = access.organization
    lot = find_lot(organization, lot_id)
    context = {
        "now": access.now,
        "lot": lot,
        "may_buy": access.may(Permission.BUY),
        "transactions": list_page(request, "transactions", transactions(organization, lot=lot)),
    }
    if access.may(Permission.LIMITS_AND_INVOICES):
        context["charges"] = list_page(request, "charges", charges(organization, lot=lot.public_id))
    return render_lists(request, "capacity/lot.html", context)
