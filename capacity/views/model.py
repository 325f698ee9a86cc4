"""A model's page: active lots, expired tokens, prior transactions."""

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from accounts.access import Permission, Visit
from accounts.views.visiting import PageRequest, visited
from capacity.queries.catalogue import listing
from capacity.queries.holdings import active_lots, expiries, provisioned_of, transactions
from capacity.views.paging import page_of


@visited(Permission.SCALE_TIER)
@require_GET
def model_page(request: PageRequest, visit: Visit, model: str) -> HttpResponse:
    """Everything about one snapshot in the organization."""
    organization, now = visit.organization, visit.now
    context = {
        "now": now,
        "listing": listing(organization=organization, model=model, on=now.date()),
        "held": provisioned_of(organization, model=model, on=now.date()),
        "lots": page_of(request, "lots", active_lots(organization, model=model, on=now.date())),
        "expired": page_of(request, "expired", expiries(organization, model=model)),
        "transactions": page_of(request, "transactions", transactions(organization, model=model)),
        "may_buy": visit.may(Permission.BUY),
    }
    return render(request, "capacity/model.html", context)
