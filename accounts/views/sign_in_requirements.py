"""Requiring a second factor of every member, and the page for those who have none (R24)."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from accounts.access import AccessContext, Permission, find_access
from accounts.operations.sign_in_requirements import set_sign_in_requirements
from accounts.queries.members import members_without_second_factor, owners
from accounts.queries.sign_in_requirements import keys_would_be_refused_from
from accounts.views.permissions import PageRequest, caller, error_page, permission_required
from accounts.views.responses import list_url, redirect_from_dialog
from common.errors import BusinessError
from common.fragments import render_fragment


@permission_required(Permission.MANAGE)
@require_http_methods(["GET", "POST"])
def require_second_factor(request: PageRequest, access: AccessContext) -> HttpResponse:
    """Say what becomes of whom, for htmx as a dialog. A POST requires it, or no longer."""
    back = list_url(request, "members")
    if request.method == "POST":
        is_required = request.POST.get("second_factor") == "required"
        try:
            organization = set_sign_in_requirements(**caller(request), second_factor=is_required)
        except BusinessError as error:
            messages.error(request, error.detail)
        else:
            messages.success(
                request,
                f"{organization} requires two-factor authentication."
                if is_required
                else f"{organization} no longer requires two-factor authentication.",
            )
        return redirect_from_dialog(request, back)
    context = {
        "back": back,
        "keys_refused_from": keys_would_be_refused_from(on=access.now.date()),
        "without": members_without_second_factor(access.organization),
    }
    if request.htmx:
        return render_fragment(request, "accounts/require_second_factor.html#dialog", context)
    return render(request, "accounts/require_second_factor.html", context)


def second_factor_required(request: PageRequest, organization_id: str) -> HttpResponse:
    """Say to a member without the required second factor what they can do, which is to set it up.

    It is the only page of the organization that they can open.
    """
    try:
        request.access = find_access(user=request.user, organization_id=organization_id)
    except BusinessError as error:
        return error_page(request, error)
    if not request.access.lacks_second_factor:
        return redirect("organization", organization_id=organization_id)
    context = {"owners": owners(request.access.organization)}
    return render(request, "accounts/second_factor_required.html", context, status=403)
