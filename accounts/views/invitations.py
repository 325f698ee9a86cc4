"""Accepting an invitation: the only way to sign up."""

from typing import Any

from django.contrib import messages
from django.contrib.auth import login
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from accounts.forms import AcceptInvitationForm
from accounts.models import Invitation, User
from accounts.operations.audit import Actor
from accounts.operations.invitations import accept_invitation
from accounts.operations.sign_ins import record_sign_in
from accounts.queries.members import find_invitation, is_user
from accounts.views.permissions import error_page
from common.client_address import client_address
from common.errors import BusinessError, NotFound
from common.forms import add_business_error

BACKEND = "allauth.account.auth_backends.AuthenticationBackend"


@login_not_required
@require_http_methods(["GET", "POST"])
def invitation_page(request: HttpRequest, token: str) -> HttpResponse:
    """Show and accept an invitation. A new person types name and password; a user must sign in."""
    try:
        invitation = find_invitation(token)
        if invitation.expires_at <= timezone.now():
            raise NotFound("This invitation has expired. Ask for a new one.")
        if is_user(invitation.email):
            return _join(request, invitation)
        return _sign_up(request, invitation)
    except BusinessError as error:
        return error_page(request, error)


def _sign_up(request: HttpRequest, invitation: Invitation) -> HttpResponse:
    form = AcceptInvitationForm(request.POST or None, invitation=invitation)
    if request.method == "POST" and form.is_valid():
        try:
            user = _accept(request, invitation, **form.cleaned_data)
        except BusinessError as error:
            add_business_error(form, error)
        else:
            login(request, user, backend=BACKEND)
            record_sign_in(
                methods=["invitation"],
                by=Actor("page", user, client_address(request)),
                real_now=timezone.now(),
            )
            return _welcome(request, invitation)
    return _page(request, invitation, form=form, status=422 if form.errors else 200)


def _join(request: HttpRequest, invitation: Invitation) -> HttpResponse:
    if not request.user.is_authenticated or request.user.email != invitation.email:
        return _page(request, invitation, must_sign_in=True)
    if request.method == "POST":
        _accept(request, invitation, name="", password="")
        return _welcome(request, invitation)
    return _page(request, invitation)


def _accept(request: HttpRequest, invitation: Invitation, *, name: str, password: str) -> User:
    user = request.user if request.user.is_authenticated else None
    return accept_invitation(
        invitation=invitation,
        name=name,
        password=password,
        by=Actor(source="page", user=user, address=client_address(request)),
        now=invitation.organization.now(),
        real_now=timezone.now(),
    )


def _welcome(request: HttpRequest, invitation: Invitation) -> HttpResponse:
    messages.success(request, f"Welcome to {invitation.organization}.")
    return redirect("organization", organization_id=invitation.organization.public_id)


def _page(
    request: HttpRequest, invitation: Invitation, *, status: int = 200, **context: Any
) -> HttpResponse:
    context |= {"invitation": invitation}
    return render(request, "accounts/invitation.html", context, status=status)
