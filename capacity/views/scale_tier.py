"""The Scale Tier page: active capacity by model, and the authorized purchasers."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from accounts.access import AccessContext, Permission
from accounts.forms import PurchaserForm
from accounts.operations.members import authorize_purchaser, withdraw_purchaser
from accounts.views.permissions import PageRequest, caller, permission_required
from capacity.queries.active_capacity import capacity_by_model, total_capacity
from capacity.queries.order_form_ends import order_form_end
from capacity.queries.purchasers import purchaser_of, purchasers_with_limits
from capacity.queries.refused_renewals import refused_renewals
from common.errors import BusinessError
from common.forms import add_business_error


@permission_required(Permission.SCALE_TIER)
@require_GET
def scale_tier(request: PageRequest, access: AccessContext) -> HttpResponse:
    """Show Settings → Scale Tier."""
    return _page(request, access, PurchaserForm())


@permission_required(Permission.MANAGE)
@require_POST
def add_purchaser(request: PageRequest, access: AccessContext) -> HttpResponse:
    """Let a member buy and cancel units."""
    form = PurchaserForm(request.POST)
    if form.is_valid():
        try:
            purchaser = authorize_purchaser(**caller(request), email=form.cleaned_data["email"])
        except BusinessError as error:
            add_business_error(form, error)
        else:
            messages.success(request, f"{purchaser.user} may now buy and cancel units.")
            return redirect("scale_tier", organization_id=access.organization.public_id)
    return _page(request, access, form)


@permission_required(Permission.MANAGE)
@require_POST
def remove_purchaser(request: PageRequest, access: AccessContext, user_id: str) -> HttpResponse:
    """Make a purchaser a plain member again."""
    member = withdraw_purchaser(**caller(request), user_id=user_id)
    messages.success(request, f"{member.user} may no longer buy or cancel units.")
    return redirect("scale_tier", organization_id=access.organization.public_id)


def _page(request: PageRequest, access: AccessContext, form: PurchaserForm) -> HttpResponse:
    models = capacity_by_model(access.organization, on=access.now.date())
    context = {
        "now": access.now,
        "models": models,
        "models_by_id": sorted(models, key=lambda entry: entry.snapshot.model),
        "total": total_capacity(models),
        "form_end": order_form_end(access.organization, on=access.now.date()),
        "refused": refused_renewals(access.organization, on=access.now.date()),
        "purchasers": [*map(purchaser_of, purchasers_with_limits(access.organization))],
        "form": form,
        "may_buy": access.may(Permission.BUY),
        "may_manage": access.may(Permission.MANAGE),
    }
    status = 422 if form.errors else 200
    return render(request, "capacity/scale_tier.html", context, status=status)
