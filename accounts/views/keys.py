"""API keys: every member's own."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from accounts.access import Permission, Visit
from accounts.forms import ApiKeyForm
from accounts.operations.keys import create_api_key, revoke_api_key
from accounts.queries import api_key, api_keys
from accounts.views.visiting import PageRequest, actor, ask, visited


@never_cache
@visited(Permission.OWN_API_KEYS)
@require_http_methods(["GET", "POST"])
def api_keys_page(request: PageRequest, visit: Visit) -> HttpResponse:
    """One's keys; after making one, its secret, which is in this answer and nowhere else."""
    form = ApiKeyForm(request.POST or None)
    context = {"form": form, "keys": api_keys(visit.organization, visit.user)}
    if request.method == "POST" and form.is_valid():
        created, secret = create_api_key(
            organization=visit.organization,
            name=form.cleaned_data["name"],
            by=actor(request),
            now=visit.now,
        )
        context |= {"form": ApiKeyForm(), "created": created, "secret": secret}
    status = 422 if form.errors else 200
    return render(request, "accounts/api_keys.html", context, status=status)


@visited(Permission.OWN_API_KEYS)
@require_http_methods(["GET", "POST"])
def revoke(request: PageRequest, visit: Visit, key_id: str) -> HttpResponse:
    """Ask, then end a key."""
    key = api_key(visit.organization, visit.user, key_id)
    here = visit.organization.public_id
    if request.method == "POST":
        revoke_api_key(
            organization=visit.organization, key_id=key_id, by=actor(request), now=visit.now
        )
        messages.success(request, f"API key “{key.name}” was revoked.")
        return redirect("api_keys", organization_id=here)
    return ask(
        request,
        title=f"Revoke “{key.name}”?",
        text=f"Requests with the key {key.hint}… are refused from now on. This cannot be undone.",
        action=reverse("revoke_api_key", args=[here, key_id]),
        confirm="Revoke key",
        back=reverse("api_keys", args=[here]),
    )
