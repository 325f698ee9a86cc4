"""The forecast: this invoice and the next three."""

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from accounts.access import AccessContext, Permission
from accounts.views.permissions import PageRequest, permission_required
from billing.queries.forecast import forecast


@permission_required(Permission.SCALE_TIER)
@require_GET
def forecast_page(request: PageRequest, access: AccessContext) -> HttpResponse:
    """Show the invoices of the present period and the three after it, with their lines."""
    context = {
        "now": access.now,
        "periods": forecast(access.organization, on=access.now.date()),
    }
    return render(request, "billing/forecast.html", context)
