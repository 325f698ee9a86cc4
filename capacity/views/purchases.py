"""Add capacity: the form, its Summary, and checkout."""

from collections.abc import Mapping
from typing import Any

from django.contrib import messages
from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods
from django_htmx.http import replace_url

from accounts.access import AccessContext, Permission
from accounts.queries.projects import projects_to_choose
from accounts.views.permissions import PageRequest, caller, permission_required
from accounts.views.responses import redirect_from_dialog, say_once
from billing.queries.standing import standing
from capacity.forms import PurchaseForm
from capacity.models import Kind, Purchase, PurchaseRequest
from capacity.operations.purchases import buy_units
from capacity.queries.catalogue import Listing, find_listing, listings
from capacity.queries.plans import planned_purchase
from capacity.queries.pools import pools_of_model
from capacity.queries.purchases import cost_in_words
from capacity.queries.quotes import check_units, quote_units
from capacity.templatetags.units import units_by_kind
from capacity.usage.queries.recommendations import recommendations
from capacity.views.page_keys import PageKey, page_key
from capacity.views.timeline_pictures import Picture, pictures
from common.errors import BusinessError, InvalidRequest, NotFound
from common.fragments import render_fragment
from common.idempotency import IdempotencyKey, ReplayedResponse


@permission_required(Permission.BUY)
@require_GET
def add_capacity(request: PageRequest, access: AccessContext) -> HttpResponse:
    """Show the page; for htmx only the form of the chosen model, with the typed units."""
    catalogue = listings(organization=access.organization, on=access.now.date())
    form = _form(access, request.GET, catalogue, shows_choices=True)
    context = _quote_context(access, form)
    if request.htmx:
        response = render_fragment(request, "capacity/add_capacity.html#order", context)
        return replace_url(response, f"{request.path}?{request.GET.urlencode()}")
    return render(request, "capacity/add_capacity.html", context)


@permission_required(Permission.BUY)
@require_GET
def recommended_units(request: PageRequest, access: AccessContext) -> HttpResponse:
    """Show the units that would have covered the last 30 days (R16); the page loads them by htmx.

    Each comes with the address of the page with these units in the form.
    """
    listing = _form_of_one_model(access, request.GET).listing
    if listing is None:
        return redirect("add_capacity", access.organization.public_id)
    advice = []
    for found in recommendations(access.organization, listing=listing, now=access.now):
        query = request.GET.copy()
        query[found.kind] = str(found.recommended)
        advice.append((found, query.urlencode()))
    context = {"advice": advice, "snapshot": listing.snapshot}
    if request.htmx:
        return render_fragment(request, "capacity/recommended_units.html#advice", context)
    return render(request, "capacity/recommended_units.html", context)


@permission_required(Permission.BUY)
@require_GET
def summary(request: PageRequest, access: AccessContext) -> HttpResponse:
    """Show only the Summary. A slider requests it at each move."""
    data = request.GET.copy()
    data.pop("pool", None)  # It changes no figure, and to check it would take a statement.
    context = _quote_context(access, _form_of_one_model(access, data))
    return render_fragment(request, "capacity/add_capacity.html#summary", context)


@permission_required(Permission.BUY)
@require_http_methods(["GET", "POST"])
def checkout(request: PageRequest, access: AccessContext) -> HttpResponse:
    """Show the confirmation, for htmx as a dialog. A POST buys the units."""
    if request.method == "GET":
        form = _form_of_one_model(access, request.GET)
        key = page_key(request, form.raw_values)
        if key.response is None or not form.is_valid():
            return _confirmation(request, access, form, key)
        return _done(request, access, form, key.response)
    form = _form_of_one_model(access, request.POST)
    if not form.is_valid():
        return _refusal(request, access, form)
    try:
        response = _buy(request, form)
    except BusinessError as error:
        return _refusal(request, access, form, error)
    return _done(request, access, form, response)


@permission_required(Permission.BUY)
@require_GET
def purchase_timeline(request: PageRequest, access: AccessContext) -> HttpResponse:
    """Show each kind that would be bought, before and after the purchase (R22)."""
    form = _form_of_one_model(access, request.GET)
    after: list[Picture] = []
    if form.listing and form.is_valid():
        present = standing(access.organization, access.now.date())
        plan = planned_purchase(
            organization=access.organization,
            present=present,
            listing=form.listing,
            units=form.units,
            project=form.cleaned_data.get("project") or None,
        )
        after = pictures(
            access.organization,
            present,
            model=form.listing.snapshot.model,
            kinds={Kind(line.kind) for line in plan.lines},
            plan=plan,
            now="after this purchase",
        )
    return render_fragment(request, "capacity/timeline.html#pictures", {"pictures": after})


def _done(
    request: PageRequest, access: AccessContext, form: PurchaseForm, response: Mapping[str, Any]
) -> HttpResponse:
    """Lead to the units that were bought, or to the purchase request that waits for approval."""
    here = access.organization.public_id
    if request_id := response.get("request"):
        say_once(request, response["message"], messages.INFO)
        url = reverse("purchase_requests", args=[here])
        return redirect_from_dialog(request, f"{url}#{request_id}")
    say_once(request, response["message"])
    url = reverse("model", args=[here, form.cleaned_data["model"]])
    return redirect_from_dialog(request, url)


def _buy(request: PageRequest, form: PurchaseForm) -> Mapping[str, Any]:
    """Buy the units and return the response. A form that is sent again buys nothing (R17)."""
    response: dict[str, Any] = {}

    def render(result: Purchase | PurchaseRequest) -> dict[str, Any]:
        response.update(_response_body(result))
        return response

    key = IdempotencyKey.for_request(
        key=request.POST.get("key", ""), path=request.path, body=form.raw_values, render=render
    )
    try:
        buy_units(
            **caller(request),
            **form.purchase_arguments(),
            shown=form.shown,
            idempotency_key=key,
        )
    except ReplayedResponse as replay:
        if replay.is_refusal:
            raise InvalidRequest(replay.body["detail"]) from replay
        response = replay.body
    return response


def _response_body(result: Purchase | PurchaseRequest) -> dict[str, Any]:
    if isinstance(result, PurchaseRequest):
        return {
            "request": result.public_id,
            "message": f"Asked for approval of {units_by_kind(result.units)} of {result.snapshot}: "
            "nothing is bought or reserved until another owner approves it. Owners get an email. "
            f"If nobody decides, the request lapses on {result.lapses_on} UTC.",
        }
    units = {lot.kind: lot.units for lot in result.lots.all()}
    return {
        "purchase": result.public_id,
        "message": f"Bought {units_by_kind(units)} of {result.snapshot}, active now. "
        f"{cost_in_words(result)}",
    }


def _form_of_one_model(access: AccessContext, data: QueryDict) -> PurchaseForm:
    """Return the form for the model in `data`. It reads only this model of the catalogue."""
    try:
        listing = find_listing(
            organization=access.organization, model=data.get("model", ""), on=access.now.date()
        )
    except NotFound:
        return _form(access, data, [])
    return _form(access, data, [listing])


def _form(
    access: AccessContext,
    data: QueryDict,
    catalogue: list[Listing],
    *,
    shows_choices: bool = False,
) -> PurchaseForm:
    """Return the form. Projects and pools are read only if a choice is shown or was made."""
    organization, model = access.organization, data.get("model", "")
    reads_projects = shows_choices or "project" in data
    reads_pools = shows_choices or "pool" in data
    return PurchaseForm(
        data,
        listings=catalogue,
        projects=projects_to_choose(organization) if reads_projects else [],
        pools=pools_of_model(organization, model=model) if reads_pools else [],
    )


def _quote_context(access: AccessContext, form: PurchaseForm) -> dict[str, Any]:
    """Return the quote of the input so far, which may be incomplete, and all problems with it.

    `is_priced` is false if the quote leaves out units that cannot be right. `problems` are all
    reasons why nothing can be bought; `other_problems` those that no field shows.
    """
    if form.listing is None:
        return {"form": form, "quote": None, "problems": [], "is_priced": False}
    today = access.now.date()
    units = form.units if form.is_valid() else {}
    if any(units.values()):
        try:
            check_units(form.listing, units, today)
        except InvalidRequest as error:
            form.add_unit_errors(error)
            units = {}
    problems, is_priced = form.problems, not form.errors
    quote = quote_units(
        organization=access.organization,
        listing=form.listing,
        units=units,
        buyer=access.user,
        on=today,
        project=form.cleaned_data.get("project") or None,
    )
    for refusal in quote.refusals:
        form.add_unit_errors(refusal)
    return {
        "form": form,
        "quote": quote,
        "is_priced": is_priced,
        "problems": problems + [refusal.detail for refusal in quote.refusals],
        "other_problems": [refusal.detail for refusal in quote.refusals if not refusal.errors],
    }


def _confirmation(
    request: PageRequest, access: AccessContext, form: PurchaseForm, key: PageKey
) -> HttpResponse:
    """Show what would be bought and charged, or why nothing can be bought."""
    context = _quote_context(access, form) | {"key": key.text}
    if context["quote"] is None:
        context["problems"] = ["Choose a model."]
    elif not context["quote"].lines and not context["problems"]:
        context["problems"] = ["Choose at least one unit."]
    return _dialog(request, context)


def _refusal(
    request: PageRequest,
    access: AccessContext,
    form: PurchaseForm,
    error: BusinessError | None = None,
) -> HttpResponse:
    """Say why nothing was bought. What was shown is out of date; the page shows what holds now."""
    context = _quote_context(access, form) | {"is_refused": True}
    if error and error.detail not in context["problems"]:
        context["problems"].insert(0, error.detail)
    elif not context["problems"]:
        context["problems"] = ["Choose a model that is on sale."]
    return _dialog(request, context, status=422)


def _dialog(request: PageRequest, context: dict[str, Any], *, status: int = 200) -> HttpResponse:
    if request.htmx:
        return render_fragment(request, "capacity/checkout.html#dialog", context, status=status)
    return render(request, "capacity/checkout.html", context, status=status)
