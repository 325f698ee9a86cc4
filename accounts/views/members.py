"""Members: who belongs to the organization, who was invited, and what each may do."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.access import AccessContext, Permission
from accounts.filters import MemberFilters
from accounts.forms import InvitationForm, RoleForm
from accounts.models import Role
from accounts.operations.invitations import (
    TooManyInvitations,
    invite,
    resend_invitation,
    withdraw_invitation,
)
from accounts.operations.members import remove_member, set_role
from accounts.queries.members import (
    find_member,
    members,
    members_without_second_factor,
    pending_invitations,
)
from accounts.views.permissions import PageRequest, caller, permission_required
from accounts.views.responses import confirmation, list_url
from common.errors import BusinessError
from common.forms import add_business_error
from common.lists import list_page, render_lists


@permission_required(Permission.MANAGE)
@require_GET
def members_page(request: PageRequest, access: AccessContext) -> HttpResponse:
    """Show everyone in the organization."""
    return _page(request, access, InvitationForm())


@permission_required(Permission.MANAGE)
@require_POST
def invite_member(request: PageRequest, access: AccessContext) -> HttpResponse:
    """Invite someone by email."""
    form = InvitationForm(request.POST)
    if form.is_valid():
        email, role = form.cleaned_data["email"], Role(form.cleaned_data["role"])
        try:
            invite(**caller(request), email=email, role=role, real_now=timezone.now())
        except BusinessError as error:
            add_business_error(form, error)
        else:
            messages.success(request, f"An invitation is on its way to {email}.")
            return redirect(list_url(request, "members"))
    return _page(request, access, form)


@permission_required(Permission.MANAGE)
@require_POST
def resend(request: PageRequest, _access: AccessContext, invitation_id: str) -> HttpResponse:
    """Send an invitation again, with a new link."""
    try:
        invitation = resend_invitation(
            **caller(request), invitation_id=invitation_id, real_now=timezone.now()
        )
    except TooManyInvitations as error:
        messages.error(request, error.detail)
    else:
        messages.success(
            request,
            f"A new invitation is on its way to {invitation.email}. "
            "The link of the one before no longer works.",
        )
    return redirect(list_url(request, "members"))


@permission_required(Permission.MANAGE)
@require_POST
def withdraw(request: PageRequest, _access: AccessContext, invitation_id: str) -> HttpResponse:
    """End an open invitation."""
    withdraw_invitation(**caller(request), invitation_id=invitation_id)
    messages.success(request, "The invitation was withdrawn. Its link no longer works.")
    return redirect(list_url(request, "members"))


@permission_required(Permission.MANAGE)
@require_POST
def change_role(request: PageRequest, access: AccessContext, user_id: str) -> HttpResponse:
    """Change what a member may do, from their next request on."""
    find_member(access.organization, user_id)
    form = RoleForm(request.POST)
    if form.is_valid():
        role = Role(form.cleaned_data["role"])
        try:
            membership = set_role(**caller(request), user_id=user_id, role=role)
        except BusinessError as error:
            messages.error(request, error.detail)
        else:
            label = membership.get_role_display().lower()
            messages.success(request, f"{membership.user} is now {label}.")
    return redirect(list_url(request, "members"))


@permission_required(Permission.MANAGE)
@require_http_methods(["GET", "POST"])
def remove(request: PageRequest, access: AccessContext, user_id: str) -> HttpResponse:
    """Ask for confirmation, then remove the member."""
    membership = find_member(access.organization, user_id)
    if request.method == "POST":
        try:
            remove_member(**caller(request), user_id=user_id)
        except BusinessError as error:
            messages.error(request, error.detail)
        else:
            messages.success(request, f"{membership.user} was removed.")
        return redirect(list_url(request, "members"))
    return confirmation(
        request,
        title=f"Remove {membership.user}?",
        text=f"{membership.user.email} loses access to {access.organization} at once, "
        "and so do their API keys here.",
        action=request.get_full_path(),
        confirm="Remove member",
        back=list_url(request, "members"),
    )


def _page(request: PageRequest, access: AccessContext, form: InvitationForm) -> HttpResponse:
    context = {
        "form": form,
        "members": list_page(
            request,
            "members",
            members(access.organization),
            MemberFilters("members", request.GET),
        ),
        "invitations": pending_invitations(access.organization),
        "now": timezone.now(),
        "without_second_factor": members_without_second_factor(access.organization).count(),
        "roles": Role.choices,
    }
    status = 422 if form.errors else 200
    return render_lists(request, "accounts/members.html", context, status=status)
