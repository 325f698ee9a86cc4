"""Where one arrives."""

from typing import cast

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from accounts.access import Permission, Visit
from accounts.queries import memberships_of
from accounts.views.visiting import PageRequest, visited


def home(request: HttpRequest) -> HttpResponse:
    """The person's first organization, or word that they belong to none."""
    membership = memberships_of(cast(PageRequest, request).user).first()
    if membership is None:
        return render(request, "accounts/no_organization.html")
    return redirect("organization", organization_id=membership.organization.public_id)


@visited(Permission.OWN_API_KEYS)
def organization(_request: PageRequest, visit: Visit) -> HttpResponse:
    """The first page of an organization that this person may see."""
    page = "scale_tier" if visit.may(Permission.SCALE_TIER) else "api_keys"
    return redirect(page, organization_id=visit.organization.public_id)


@login_not_required
def healthz(_request: HttpRequest) -> HttpResponse:
    """For load balancers: this process answers."""
    return HttpResponse("ok", content_type="text/plain")
