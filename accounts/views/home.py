"""The start page."""

from typing import cast

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from accounts.access import AccessContext, Permission
from accounts.queries.members import memberships_of
from accounts.views.permissions import PageRequest, permission_required


def home(request: HttpRequest) -> HttpResponse:
    """Redirect to the person's first organization, or say that they belong to none."""
    membership = memberships_of(cast(PageRequest, request).user).first()
    if membership is None:
        return render(request, "accounts/no_organization.html")
    return redirect("organization", organization_id=membership.organization.public_id)


@permission_required(Permission.OWN_API_KEYS)
def organization(_request: PageRequest, access: AccessContext) -> HttpResponse:
    """Redirect to the first page of an organization that this person may see."""
    page = "scale_tier" if access.may(Permission.SCALE_TIER) else "api_keys"
    return redirect(page, organization_id=access.organization.public_id)
