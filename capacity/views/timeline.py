"""The timeline in pictures: of all models, and of one (R22).

Pages load them as fragments of their own, so that a page waits for no picture.
"""

from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from accounts.access import AccessContext, Permission
from accounts.views.permissions import PageRequest, permission_required
from billing.queries.standing import Standing, standing
from capacity.views.timeline_pictures import Picture, pictures
from common.fragments import render_fragment


@permission_required(Permission.SCALE_TIER)
@require_GET
def timeline_page(request: PageRequest, access: AccessContext) -> HttpResponse:
    """Show the models that have active units now; for htmx only the pictures."""
    every = pictures(access.organization, _standing(access))
    by_model: dict[str, list[Picture]] = {}
    ended = set()
    for picture in every:
        if picture.present.units:
            by_model.setdefault(picture.timeline.model, []).append(picture)
        elif len(picture.timeline.steps) > 1:
            ended.add(picture.timeline.model)
    context = {"models": by_model.items(), "ended": sorted(ended - set(by_model))}
    return _answer(request, "models", context)


@permission_required(Permission.SCALE_TIER)
@require_GET
def model_timeline(request: PageRequest, access: AccessContext, model: str) -> HttpResponse:
    """Show all kinds of one snapshot; for htmx only the pictures."""
    of_model = pictures(access.organization, _standing(access), model=model)
    return _answer(request, "pictures", {"pictures": of_model, "model": model})


def _standing(access: AccessContext) -> Standing:
    return standing(access.organization, access.now.date())


def _answer(request: PageRequest, partial: str, context: dict[str, Any]) -> HttpResponse:
    if request.htmx:
        return render_fragment(request, f"capacity/timeline.html#{partial}", context)
    return render(request, "capacity/timeline.html", context)
