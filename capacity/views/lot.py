"""A lot's page: what was bought, how it goes on, how it ends, and every charge for it."""

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from accounts.access import Permission, Visit
from accounts.views.visiting import PageRequest, visited
from billing.queries.charges import charges
from capacity.queries.holdings import find_lot, transactions
from capacity.views.paging import page_of


@visited(Permission.SCALE_TIER)
@require_GET
def lot_page(request: PageRequest, visit: Visit, lot_id: str) -> HttpResponse:
    """Everything about one lot."""
    organization = visit.organization
    lot = find_lot(organization, lot_id)
    context = {
        "now": visit.now,
        "lot": lot,
        "may_buy": visit.may(Permission.BUY),
        "transactions": page_of(request, "transactions", transactions(organization, lot=lot)),
    }
    if visit.may(Permission.LIMITS_AND_INVOICES):
        charged = charges(organization, lot=lot.public_id)
        context["charges"] = page_of(request, "charges", charged)
    return render(request, "capacity/lot.html", context)
