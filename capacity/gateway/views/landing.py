"""“Where would it land?”: what the gateway would do with a request, and what it did with one."""

import json
from datetime import datetime
from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from accounts.access import AccessContext, Permission
from accounts.views.permissions import PageRequest, permission_required
from capacity.gateway.forms import LandingForm, Named
from capacity.gateway.queries.landing import landing
from capacity.gateway.queries.requests import find_request, latest_requests
from capacity.gateway.views.explanations import explain_landing, explain_past
from common.errors import NotFound
from common.fragments import render_fragment


@permission_required(Permission.USAGE)
@require_GET
def landing_page(request: PageRequest, access: AccessContext) -> HttpResponse:
    """Show what the gateway would answer now, and what it decided before; for htmx one of them."""
    now = timezone.now()
    named = Named.of(access.organization)
    if request.htmx.target == "sent-requests":
        context = _sent(request, access, named, now)
        return render_fragment(request, "usage/landing.html#sent", context)
    context = _foreseen(request, access, named, now)
    if request.htmx:
        return render_fragment(request, "usage/landing.html#decision", context)
    return render(request, "usage/landing.html", context | _sent(request, access, named, now))


def _foreseen(
    request: PageRequest, access: AccessContext, named: Named, now: datetime
) -> dict[str, Any]:
    """Return the request that is imagined, and what would be answered."""
    form = LandingForm(request.GET.dict(), named)
    context: dict[str, Any] = {"form": form, "named": named}
    if imagined := form.imagined():
        answer = landing(access.organization, imagined, real_now=now)
        context |= {"answer": answer, "would": explain_landing(answer, named)}
        if answer.refusal:
            context["body"] = json.dumps(json.loads(answer.refusal.body), indent=2)
            if answer.decision is None:
                form.explain(answer.refusal)
    return context


def _sent(
    request: PageRequest, access: AccessContext, named: Named, now: datetime
) -> dict[str, Any]:
    """Return the request that is looked up, and the latest ones."""
    request_id = request.GET.get("request", "").strip()
    only_spilled = request.GET.get("only") == "spilled"
    latest = latest_requests(access.organization, only_spilled=only_spilled, real_now=now)
    context: dict[str, Any] = {
        "request_id": request_id,
        "only_spilled": only_spilled,
        "latest": [explain_past(row, named) for row in latest],
    }
    if request_id:
        try:
            row = find_request(access.organization, request_id, real_now=now)
        except NotFound as error:
            context["not_found"] = str(error)
        else:
            context["past"] = explain_past(row, named)
    return context
