"""Members: who belongs here, who was asked to, and what each may do."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.access import Permission, Visit
from accounts.errors import Refusal
from accounts.forms import InvitationForm, RoleForm, add_refusal
from accounts.models import Role
from accounts.operations.members import invite, remove_member, set_role
from accounts.queries import member, members, open_invitations
from accounts.views.visiting import PageRequest, actor, ask, visited


@visited(Permission.MANAGE)
@require_GET
def members_page(request: PageRequest, visit: Visit) -> HttpResponse:
    """Everyone in the organization."""
    return _page(request, visit, InvitationForm())


@visited(Permission.MANAGE)
@require_POST
def invite_member(request: PageRequest, visit: Visit) -> HttpResponse:
    """Ask someone to join, by mail."""
    form = InvitationForm(request.POST)
    if form.is_valid():
        email, role = form.cleaned_data["email"], Role(form.cleaned_data["role"])
        try:
            invite(
                organization=visit.organization,
                email=email,
                role=role,
                by=actor(request),
                now=visit.now,
            )
        except Refusal as refusal:
            add_refusal(form, refusal)
        else:
            messages.success(request, f"Invitation sent to {email}.")
            return redirect("members", organization_id=visit.organization.public_id)
    return _page(request, visit, form)


@visited(Permission.MANAGE)
@require_POST
def change_role(request: PageRequest, visit: Visit, user_id: str) -> HttpResponse:
    """Change what a member may do, from their next request on."""
    form = RoleForm(request.POST)
    if form.is_valid():
        try:
            changed = set_role(
                organization=visit.organization,
                user_id=user_id,
                role=Role(form.cleaned_data["role"]),
                by=actor(request),
                now=visit.now,
            )
        except Refusal as refusal:
            messages.error(request, refusal.detail)
        else:
            role = changed.get_role_display().lower()
            messages.success(request, f"{changed.user} is now {role}.")
    return redirect("members", organization_id=visit.organization.public_id)


@visited(Permission.MANAGE)
@require_http_methods(["GET", "POST"])
def remove(request: PageRequest, visit: Visit, user_id: str) -> HttpResponse:
    """Ask, then end a membership."""
    found = member(visit.organization, user_id)
    here = visit.organization.public_id
    if request.method == "POST":
        try:
            remove_member(
                organization=visit.organization, user_id=user_id, by=actor(request), now=visit.now
            )
        except Refusal as refusal:
            messages.error(request, refusal.detail)
        else:
            messages.success(request, f"{found.user} was removed.")
        return redirect("members", organization_id=here)
    return ask(
        request,
        title=f"Remove {found.user}?",
        text=f"{found.user.email} loses access to {visit.organization} at once, "
        "and so do their API keys here.",
        action=reverse("remove_member", args=[here, user_id]),
        confirm="Remove member",
        back=reverse("members", args=[here]),
    )


def _page(request: PageRequest, visit: Visit, form: InvitationForm) -> HttpResponse:
    context = {
        "form": form,
        "members": members(visit.organization),
        "invitations": open_invitations(visit.organization, now=visit.now),
        "roles": Role.choices,
    }
    status = 422 if form.errors else 200
    return render(request, "accounts/members.html", context, status=status)
