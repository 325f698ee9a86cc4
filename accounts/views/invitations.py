"""Accepting an invitation: the only way to sign up."""

from typing import Any

from django.contrib import messages
from django.contrib.auth import login
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from accounts.errors import NotFound, Refusal
from accounts.forms import AcceptInvitationForm, add_refusal
from accounts.models import Invitation, User
from accounts.operations.audit import Actor
from accounts.operations.days import bring_up_to_date
from accounts.operations.members import accept_invitation
from accounts.queries import invitation, is_user
from accounts.views.visiting import refused

BACKEND = "allauth.account.auth_backends.AuthenticationBackend"


@login_not_required
@never_cache
@require_http_methods(["GET", "POST"])
def invitation_page(request: HttpRequest, invite_id: str) -> HttpResponse:
    """A new person says who they are; someone known already agrees, signed in."""
    try:
        found = invitation(invite_id)
        now = found.organization.now()
        if found.expires_at <= now:
            raise NotFound("This invitation has expired. Ask for a new one.")
        if is_user(found.email):
            return _join(request, found)
        return _sign_up(request, found)
    except Refusal as refusal:
        return refused(request, refusal)


def _sign_up(request: HttpRequest, found: Invitation) -> HttpResponse:
    form = AcceptInvitationForm(request.POST or None, invitation=found)
    if request.method == "POST" and form.is_valid():
        try:
            user = _accept(request, found, **form.cleaned_data)
        except Refusal as refusal:
            add_refusal(form, refusal)
        else:
            login(request, user, backend=BACKEND)
            return _welcome(request, found)
    return _page(request, found, form=form, status=422 if form.errors else 200)


def _join(request: HttpRequest, found: Invitation) -> HttpResponse:
    if not request.user.is_authenticated or request.user.email != found.email:
        return _page(request, found, must_sign_in=True)
    if request.method == "POST":
        _accept(request, found, name="", password="")
        return _welcome(request, found)
    return _page(request, found)


def _accept(request: HttpRequest, found: Invitation, *, name: str, password: str) -> User:
    user = request.user if request.user.is_authenticated else None
    now = found.organization.now()
    bring_up_to_date(organization=found.organization, now=now)
    return accept_invitation(
        invitation=found,
        name=name,
        password=password,
        by=Actor(source="page", user=user, address=request.META.get("REMOTE_ADDR")),
        now=now,
    )


def _welcome(request: HttpRequest, found: Invitation) -> HttpResponse:
    messages.success(request, f"Welcome to {found.organization}.")
    return redirect("organization", organization_id=found.organization.public_id)


def _page(
    request: HttpRequest, found: Invitation, *, status: int = 200, **context: Any
) -> HttpResponse:
    context |= {"invitation": found}
    return render(request, "accounts/invitation.html", context, status=status)
