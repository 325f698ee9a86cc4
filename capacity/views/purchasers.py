"""The limit of one authorized purchaser (R21)."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from accounts.access import AccessContext, Permission
from accounts.views.permissions import PageRequest, caller, permission_required
from accounts.views.responses import redirect_from_dialog
from billing.forms import amount_text
from capacity.forms import PurchaserLimitForm
from capacity.operations.purchasers import set_purchaser_limit
from capacity.queries.purchasers import find_purchaser
from common.fragments import render_fragment


@permission_required(Permission.MANAGE)
@require_http_methods(["GET", "POST"])
def set_limit(request: PageRequest, access: AccessContext, user_id: str) -> HttpResponse:
    """Show the form of the limit, for htmx as a dialog. A POST sets it."""
    purchaser = find_purchaser(access.organization, user_id)
    back = reverse("scale_tier", args=[access.organization.public_id])
    if request.method == "POST":
        form = PurchaserLimitForm(request.POST)
        if form.is_valid():
            amount = form.cleaned_data["amount"]
            set_purchaser_limit(**caller(request), user_id=user_id, limit=amount)
            messages.success(
                request,
                f"One purchase of {purchaser.user} may now cost at most {amount} per day."
                if amount
                else f"Purchases of {purchaser.user} have no limit now.",
            )
            return redirect_from_dialog(request, f"{back}#{user_id}")
    else:
        form = PurchaserLimitForm(initial={"amount": amount_text(purchaser.limit_per_day)})
    context = {"form": form, "purchaser": purchaser, "back": back}
    status = 422 if form.errors else 200
    if request.htmx:
        template = "capacity/purchaser_limit.html#dialog"
        return render_fragment(request, template, context, status=status)
    return render(request, "capacity/purchaser_limit.html", context, status=status)
