"""The page of a model."""

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from accounts.access import AccessContext, Permission
from accounts.views.permissions import PageRequest, permission_required
from capacity.queries.active_capacity import capacity_of_model
from capacity.queries.catalogue import find_listing
from capacity.queries.lots import expiries, lots_of_model
from capacity.queries.transactions import transactions
from common.paging import page_of


@permission_required(Permission.SCALE_TIER)
@require_GET
def model_page(request: PageRequest, access: AccessContext, model: str) -> HttpResponse:
    """Show the capacity, lots, expired units and transactions of one snapshot."""
    organization, today = access.organization, access.now.date()
    listing = find_listing(organization=organization, model=model, on=today)
    context = {
        "now": access.now,
        "today": today,
        "listing": listing,
        "capacity": capacity_of_model(organization, listing=listing, on=today),
        "lots": page_of(request, "lots", lots_of_model(organization, model=model, on=today)),
        "expired": page_of(request, "expired", expiries(organization, model=model)),
        "transactions": page_of(request, "transactions", transactions(organization, model=model)),
        "may_buy": access.may(Permission.BUY),
    }
    return render(request, "capacity/model.html", context)
