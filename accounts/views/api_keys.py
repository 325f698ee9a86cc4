"""API keys. Each member manages their own."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods

from accounts.access import AccessContext, Permission
from accounts.filters import ApiKeyFilters
from accounts.forms import ApiKeyForm
from accounts.operations.api_keys import create_api_key, revoke_api_key
from accounts.queries.api_keys import api_keys, find_api_key
from accounts.queries.projects import projects_to_choose
from accounts.views.permissions import PageRequest, caller, permission_required
from accounts.views.responses import confirmation, list_url
from common.compression import holding_secret
from common.errors import BusinessError
from common.lists import list_page, render_lists


@permission_required(Permission.OWN_API_KEYS)
@require_http_methods(["GET", "POST"])
def api_keys_page(request: PageRequest, access: AccessContext) -> HttpResponse:
    """Show the person's keys. Only the response to the form shows the secret of a new key."""
    may_see_projects = access.may(Permission.BUY)
    projects = projects_to_choose(access.organization) if may_see_projects else []
    form = ApiKeyForm(request.POST or None, projects=projects)
    context: dict[str, Any] = {"form": form}
    if request.method == "POST" and form.is_valid():
        try:
            key, secret = create_api_key(
                **caller(request),
                name=form.cleaned_data["name"],
                project=form.cleaned_data.get("project"),
            )
        except BusinessError as error:
            form.add_error("name", error.detail)
        else:
            context |= {"form": ApiKeyForm(projects=projects), "new_key": key, "secret": secret}
    context["keys"] = list_page(
        request,
        "keys",
        api_keys(access.organization, access.user),
        ApiKeyFilters("keys", request.GET),
    )
    status = 422 if form.errors else 200
    return holding_secret(render_lists(request, "accounts/api_keys.html", context, status=status))


@permission_required(Permission.OWN_API_KEYS)
@require_http_methods(["GET", "POST"])
def revoke(request: PageRequest, access: AccessContext, key_id: str) -> HttpResponse:
    """Ask for confirmation, then revoke a key."""
    key = find_api_key(access.organization, access.user, key_id)
    if request.method == "POST":
        revoke_api_key(**caller(request), key_id=key_id)
        messages.success(request, f"API key “{key.name}” was revoked.")
        return redirect(list_url(request, "api_keys"))
    return confirmation(
        request,
        title=f"Revoke “{key.name}”?",
        text=f"Requests with the key {key.hint}… are refused from now on. This cannot be undone.",
        action=request.get_full_path(),
        confirm="Revoke key",
        back=list_url(request, "api_keys"),
    )
