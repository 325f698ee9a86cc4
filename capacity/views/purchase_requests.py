"""Purchase requests: what waits for approval, what became of others, and the threshold (R20)."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.access import AccessContext, Permission
from accounts.views.permissions import PageRequest, caller, permission_required
from accounts.views.responses import redirect_from_dialog
from billing.forms import amount_text
from capacity.filters import RequestFilters
from capacity.forms import ThresholdForm
from capacity.models import PurchaseRequestStatus
from capacity.operations.approvals import set_approval_threshold
from capacity.operations.purchase_requests import withdraw_request
from capacity.queries.purchase_requests import find_request, pricing, purchase_requests
from capacity.queries.purchasers import approval_threshold
from capacity.templatetags.units import units_by_kind
from common.errors import BusinessError
from common.fragments import render_fragment
from common.lists import list_page, render_lists


@permission_required(Permission.SCALE_TIER)
@require_GET
def requests_page(request: PageRequest, access: AccessContext) -> HttpResponse:
    """Show what waits for approval, as of today, and below it what became of other requests."""
    organization, today = access.organization, access.now.date()
    rows = purchase_requests(organization)
    waiting = list_page(request, "waiting", rows.filter(status=PurchaseRequestStatus.PENDING))
    decided = rows.exclude(status=PurchaseRequestStatus.PENDING)
    context = {
        "now": access.now,
        "threshold": approval_threshold(organization),
        "waiting": waiting,
        "priced": [*map(pricing(organization, on=today), waiting)] if waiting else [],
        "decided": list_page(request, "decided", decided, RequestFilters("decided", request.GET)),
        "may_manage": access.may(Permission.MANAGE),
    }
    return render_lists(request, "capacity/purchase_requests.html", context)


@permission_required(Permission.BUY)
@require_POST
def withdraw(request: PageRequest, access: AccessContext, request_id: str) -> HttpResponse:
    """Withdraw a request of one's own."""
    asked = find_request(access.organization, request_id)
    try:
        withdraw_request(**caller(request), request_id=request_id)
    except BusinessError as error:
        messages.error(request, error.detail)
    else:
        messages.success(
            request,
            f"The request for {units_by_kind(asked.units)} of {asked.snapshot} is withdrawn. "
            "Nothing was bought.",
        )
    return redirect(_page(access))


@permission_required(Permission.MANAGE)
@require_http_methods(["GET", "POST"])
def set_threshold(request: PageRequest, access: AccessContext) -> HttpResponse:
    """Show the form of the approval threshold, for htmx as a dialog. A POST sets it."""
    if request.method == "POST":
        form = ThresholdForm(request.POST)
        if form.is_valid():
            amount = form.cleaned_data["amount"]
            set_approval_threshold(**caller(request), threshold=amount)
            messages.success(
                request,
                f"A purchase of more than {amount} per day now needs a second owner's approval."
                if amount
                else "No purchase needs approval any more.",
            )
            return redirect_from_dialog(request, _page(access))
    else:
        present = approval_threshold(access.organization)
        form = ThresholdForm(initial={"amount": amount_text(present)})
    context = {"form": form, "back": _page(access)}
    status = 422 if form.errors else 200
    if request.htmx:
        template = "capacity/approval_threshold.html#dialog"
        return render_fragment(request, template, context, status=status)
    return render(request, "capacity/approval_threshold.html", context, status=status)


def _page(access: AccessContext) -> str:
    return reverse("purchase_requests", args=[access.organization.public_id])
