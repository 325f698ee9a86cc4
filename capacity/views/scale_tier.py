"""The Scale Tier page: what is held, by model, and who else may buy."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from accounts.access import Permission, Visit
from accounts.errors import Refusal
from accounts.forms import PurchaserForm, add_refusal
from accounts.operations.members import authorize_purchaser, withdraw_purchaser
from accounts.queries import purchasers
from accounts.views.visiting import PageRequest, actor, visited
from capacity.queries.holdings import provisioned, summed


@visited(Permission.SCALE_TIER)
@require_GET
def scale_tier(request: PageRequest, visit: Visit) -> HttpResponse:
    """Settings → Scale Tier."""
    return _page(request, visit, PurchaserForm())


@visited(Permission.MANAGE)
@require_POST
def add_purchaser(request: PageRequest, visit: Visit) -> HttpResponse:
    """Let a member buy and cancel units."""
    form = PurchaserForm(request.POST)
    if form.is_valid():
        try:
            added = authorize_purchaser(
                organization=visit.organization,
                email=form.cleaned_data["email"],
                by=actor(request),
                now=visit.now,
            )
        except Refusal as refusal:
            add_refusal(form, refusal)
        else:
            messages.success(request, f"{added.user} may now buy and cancel units.")
            return redirect("scale_tier", organization_id=visit.organization.public_id)
    return _page(request, visit, form)


@visited(Permission.MANAGE)
@require_POST
def remove_purchaser(request: PageRequest, visit: Visit, user_id: str) -> HttpResponse:
    """Make a purchaser a plain member again."""
    removed = withdraw_purchaser(
        organization=visit.organization, user_id=user_id, by=actor(request), now=visit.now
    )
    messages.success(request, f"{removed.user} may no longer buy or cancel units.")
    return redirect("scale_tier", organization_id=visit.organization.public_id)


def _page(request: PageRequest, visit: Visit, form: PurchaserForm) -> HttpResponse:
    now = visit.now
    held = provisioned(visit.organization, on=now.date())
    context = {
        "now": now,
        "provisioned": held,
        "total": summed(held),
        "purchasers": purchasers(visit.organization),
        "form": form,
        "may_buy": visit.may(Permission.BUY),
        "may_manage": visit.may(Permission.MANAGE),
    }
    status = 422 if form.errors else 200
    return render(request, "capacity/scale_tier.html", context, status=status)
