"""“Where would it land?”: what the gateway would do with a request, and what it did with one."""

from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from accounts.access import AccessContext, Permission
from accounts.views.permissions import PageRequest, permission_required
from capacity.gateway.decisions import Decision
from capacity.gateway.forms import LandingForm
from capacity.gateway.queries.landing import landing
from capacity.gateway.queries.requests import find_request
from common.errors import NotFound
from common.fragments import render_fragment


@permission_required(Permission.USAGE)
@require_GET
def landing_page(request: PageRequest, access: AccessContext) -> HttpResponse:
    """Show what admission would decide now, for htmx only that; or what it decided once."""
    form = LandingForm(request.GET, organization=access.organization)
    context: dict[str, Any] = {"form": form, "request_id": request.GET.get("request", "").strip()}
    if imagined := form.imagined():
        decision = landing(access.organization, imagined, pools=form.pools, real_now=timezone.now())
        context |= {"decision": decision, "pools": _pools(form, decision)}
    if context["request_id"]:
        try:
            context["past"] = find_request(
                access.organization, context["request_id"], real_now=timezone.now()
            )
        except NotFound as error:
            context["not_found"] = str(error)
    if request.htmx:
        return render_fragment(request, "usage/landing.html#decision", context)
    return render(request, "usage/landing.html", context)


def _pools(form: LandingForm, decision: Decision) -> list[dict[str, Any]]:
    """Return the windows in the order in which they are looked at, with what each says."""
    names = {pool.public_id: pool.name for pool in form.pools}
    served_by = decision.candidate.pool if decision.candidate else None
    needs = {
        (candidate.pool, kind): -(-need // 10_000)
        for candidate in decision.context.candidates
        for kind, need in zip(candidate.kinds, candidate.amounts(decision.needs), strict=False)
    }
    return [
        {
            "name": names.get(window.pool, ""),
            "id": window.pool,
            "window": window,
            "need": needs[window.pool, window.kind],
            "percent": min(100, 100 * window.used // window.limit) if window.limit else 100,
            "serves": window.pool == served_by,
        }
        for window in decision.windows
    ]
