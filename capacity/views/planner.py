"""Plan capacity: units for expected traffic (R23), and a replay of the last 30 days (R16)."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET
from django_htmx.http import replace_url

from accounts.access import AccessContext, Permission
from accounts.views.permissions import PageRequest, permission_required
from billing.domain.money import Money
from capacity.forms import KindField, ReplayForm, TrafficForm
from capacity.models import QuoteRequestLine
from capacity.models.quote_requests import total_per_day
from capacity.queries.catalogue import Listing, by_provider, find_listing, listings
from capacity.queries.lots import newest_model
from capacity.queries.quote_requests import needs
from capacity.queries.quotes import MAX_UNITS
from capacity.usage.domain.replay import Outcome
from capacity.usage.queries.replay import KindReplay, PastTraffic, replay_past_traffic
from capacity.views.planner_pictures import busiest_day_picture
from common.errors import BusinessError, NotFound
from common.fragments import render_fragment


@permission_required(Permission.SCALE_TIER)
@require_GET
def plan_capacity(request: PageRequest, access: AccessContext) -> HttpResponse:
    """Show the page; for htmx only the part that depends on the model."""
    catalogue = listings(organization=access.organization, on=access.now.date())
    sold = [listing for listing in catalogue if listing.offers]
    model = request.GET.get("model")
    if model is None:
        model = newest_model(access.organization)
    listing = next((row for row in sold if row.snapshot.model == model), None)
    context = {"models": by_provider(sold), "listing": listing, "now": access.now}
    context |= _needs_context(request, access, listing)
    if access.may(Permission.USAGE):
        context |= _replay_context(request, access, listing)
    if request.htmx:
        response = render_fragment(request, "capacity/plan.html#plan", context)
        return replace_url(response, f"{request.path}?{request.GET.urlencode()}")
    return render(request, "capacity/plan.html", context)


@permission_required(Permission.SCALE_TIER)
@require_GET
def plan_needs(request: PageRequest, access: AccessContext) -> HttpResponse:
    """Show only the units for the expected traffic, which follow as one types."""
    context = _needs_context(request, access, _listing(request, access))
    return render_fragment(request, "capacity/plan.html#needs", context)


@permission_required(Permission.USAGE)
@require_GET
def plan_replay(request: PageRequest, access: AccessContext) -> HttpResponse:
    """Show only the figures of the replay. A slider requests it at each move."""
    context = _replay_context(request, access, _listing(request, access)) | {"now": access.now}
    return render_fragment(request, "capacity/plan.html#replay", context)


def _listing(request: PageRequest, access: AccessContext) -> Listing | None:
    """Return the listing of the chosen model. It reads only this model of the catalogue."""
    model = request.GET.get("model", "")
    try:
        return find_listing(organization=access.organization, model=model, on=access.now.date())
    except NotFound:
        return None


def _needs_context(
    request: PageRequest, access: AccessContext, listing: Listing | None
) -> dict[str, Any]:
    """Return the expected traffic as typed, and the units that it needs if it can be understood."""
    data = {name: request.GET.get(name, "") for name in ("input_tpm", "output_tpm")}
    form = TrafficForm(data | {"model": listing.snapshot.model if listing else ""})
    lines: Sequence[QuoteRequestLine] = []
    if listing and form.is_complete:
        try:
            [need] = needs(
                organization=access.organization,
                models=[form.traffic],
                on=access.now.date(),
                among=[listing],
            )
            lines = need.lines
        except BusinessError as error:
            for name, messages in error.errors.items():
                field = name.rpartition(".")[2]
                form.add_error(field if field in data else "input_tpm", list(messages))
    units = {"model": form["model"].value()} | {line.kind: line.units for line in lines}
    return {
        "expected": form,
        "listing": listing,
        "lines": lines,
        "per_day": total_per_day(lines) if lines else None,
        "units_query": urlencode(units),
        "traffic_query": urlencode(form.data),
        "may_ask": access.may(Permission.MANAGE),
    }


def _replay_context(
    request: PageRequest, access: AccessContext, listing: Listing | None
) -> dict[str, Any]:
    """Return the replay of the typed units, at first of those that would have covered all."""
    if listing is None:
        return {"listing": None, "past": None}
    past = replay_past_traffic(access.organization, listing=listing, now=access.now)
    form = ReplayForm(
        request.GET.dict(),
        offers=listing.offers,
        needed={row.kind.value: min(row.replay.needed, MAX_UNITS) for row in past.kinds},
    )
    outcomes = past.outcomes(form.units)
    missing = _missing(past, form.units)
    return {
        "listing": listing,
        "past": past,
        "replay_form": form,
        "kinds": [
            _kind_context(field, row, outcome, past)
            for field, row, outcome in zip(form.kinds, past.kinds, outcomes, strict=True)
        ],
        "is_weighted": any(row.replay.is_weighted for row in past.kinds),
        "costs": past.costs(outcomes),
        "missing": missing,
        "missing_query": urlencode({"model": listing.snapshot.model} | missing),
    }


def _kind_context(
    field: KindField, row: KindReplay, outcome: Outcome, past: PastTraffic
) -> dict[str, Any]:
    even = row.break_even(past.rates)
    return {
        "field": field,
        "past": row,
        "tokens": row.tokens,
        "takes": min(row.replay.needed, MAX_UNITS),
        "outcome": outcome,
        "even": even,
        "worth": Money(even.full_worth, settings.CURRENCY) if even else None,
        "picture": busiest_day_picture(row, outcome.units),
    }


def _missing(past: PastTraffic, units: Mapping[str, int]) -> dict[str, int]:
    """Return how many units more than those owned these are, by kind; kinds with enough are out."""
    more = {row.kind.value: units[row.kind] - row.owned for row in past.kinds}
    return {kind: units for kind, units in more.items() if units > 0}
