"""Spend limits: what each has spent, and the form that sets one."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods

from accounts.access import AccessContext, Permission
from accounts.views.permissions import PageRequest, caller, permission_required
from accounts.views.responses import redirect_from_dialog
from billing.forms import LimitForm
from billing.operations.limits import set_spend_limit
from billing.queries.limits import find_limit, limits
from common.errors import InvalidRequest
from common.fragments import render_fragment

ORGANIZATION = "organization"
"""The id of the organization's own limit in the address of its form; others are of projects."""


@permission_required(Permission.LIMITS_AND_INVOICES)
@require_GET
def limits_page(request: PageRequest, access: AccessContext) -> HttpResponse:
    """Show the limits of the organization and of each project, with the spend of the period."""
    context = {
        "limits": limits(access.organization, on=access.now.date(), foresees=True),
        "can_set": access.may(Permission.MANAGE),
    }
    return render(request, "billing/limits.html", context)


@permission_required(Permission.MANAGE)
@require_http_methods(["GET", "POST"])
def set_limit(request: PageRequest, access: AccessContext, limit_id: str) -> HttpResponse:
    """Show the form of one limit, for htmx as a dialog. A POST sets the limit."""
    organization = access.organization
    project_id = None if limit_id == ORGANIZATION else limit_id
    state = find_limit(organization, project_id, on=access.now.date())
    form = LimitForm(request.POST) if request.method == "POST" else LimitForm.showing(state)
    back = reverse("limits", args=[organization.public_id])
    if request.method == "POST" and form.is_valid():
        try:
            set_spend_limit(
                **caller(request),
                project_id=project_id,
                amount=form.cleaned_data["amount"],
                is_hard=form.cleaned_data["hard"] == "hard",
                alerts=form.cleaned_data["alerts"],
            )
        except InvalidRequest as error:
            form.add_error("amount", error.detail)
        else:
            messages.success(request, f"The limit of {state.title} is set.")
            return redirect_from_dialog(request, back)
    context = {"form": form, "state": state, "limit_id": limit_id, "back": back}
    status = 422 if form.errors else 200
    if request.htmx:
        return render_fragment(request, "billing/limit.html#dialog", context, status=status)
    return render(request, "billing/limit.html", context, status=status)
