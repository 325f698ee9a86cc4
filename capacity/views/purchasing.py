"""Add capacity: choosing units, the Summary that follows, and checkout."""

import uuid
from typing import Any

from django.contrib import messages
from django.http import HttpResponse, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods
from django_htmx.http import replace_url

from accounts.access import Permission, Visit
from accounts.errors import InvalidRequest, Refusal
from accounts.operations.idempotency import AnsweredBefore, Once
from accounts.views.visiting import PageRequest, actor, go, visited
from capacity.forms import PurchaseForm
from capacity.models import Purchase
from capacity.operations.purchases import buy_units
from capacity.queries.catalogue import listings
from capacity.queries.orders import pools_of, projects_of
from capacity.queries.previews import preview


@visited(Permission.BUY)
@require_GET
def add_capacity(request: PageRequest, visit: Visit) -> HttpResponse:
    """The whole page; to htmx, the form for another model with what was typed kept."""
    form = _form(visit, request.GET)
    context = _order_context(visit, form)
    if request.htmx:
        response = render(request, "capacity/add_capacity.html#order", context)
        return replace_url(response, f"{request.path}?{request.GET.urlencode()}")
    return render(request, "capacity/add_capacity.html", context)


@visited(Permission.BUY)
@require_GET
def summary(request: PageRequest, visit: Visit) -> HttpResponse:
    """The Summary alone, at every move of a slider."""
    context = _order_context(visit, _form(visit, request.GET))
    return render(request, "capacity/add_capacity.html#summary", context)


@visited(Permission.BUY)
@require_http_methods(["GET", "POST"])
def checkout(request: PageRequest, visit: Visit) -> HttpResponse:
    """The confirmation, as a dialog or a page; posted, the purchase."""
    if request.method == "GET":
        form = _form(visit, request.GET)
        return _confirmation(request, visit, form)
    form = _form(visit, request.POST)
    if not form.is_valid():
        return _confirmation(request, visit, form)
    try:
        bought = _buy(request, visit, form)
    except Refusal as refusal:
        return _confirmation(request, visit, form, refusal)
    messages.success(request, bought)
    model = form.cleaned_data["model"]
    return go(request, reverse("model", args=[visit.organization.public_id, model]))


def _buy(request: PageRequest, visit: Visit, form: PurchaseForm) -> str:
    """Buy once, however often the form is sent; says what was bought."""
    once = Once.of(
        key=request.POST.get("key", ""), request=(request.path, form.typed), render=_answer
    )
    try:
        purchase = buy_units(
            organization=visit.organization,
            by=actor(request),
            now=visit.now,
            shown=form.shown,
            once=once,
            **form.order(),
        )
    except AnsweredBefore as before:
        if before.status != once.status:
            raise InvalidRequest(before.body["detail"]) from before
        return str(before.body["message"])
    return str(_answer(purchase)["message"])


def _answer(purchase: Purchase) -> dict[str, Any]:
    units = " and ".join(f"{lot.units:,} {lot.kind}" for lot in purchase.lots.order_by("pk"))
    ends = purchase.lots.all()[0].commitment_ends_on
    return {
        "purchase": purchase.public_id,
        "message": f"Bought {units} units of {purchase.snapshot}. They are active now; "
        f"the commitment ends on {ends} UTC.",
    }


def _form(visit: Visit, typed: QueryDict) -> PurchaseForm:
    return PurchaseForm(
        typed,
        listings=listings(organization=visit.organization, on=visit.now.date()),
        projects=projects_of(visit.organization),
        pools=pools_of(visit.organization, model=typed.get("model", "")),
    )


def _order_context(visit: Visit, form: PurchaseForm) -> dict[str, Any]:
    """What has been chosen so far, and everything that speaks against it."""
    if form.listing is None:
        return {"form": form, "preview": None, "problems": []}
    order = form.order() if form.is_valid() else {"model": form.listing.snapshot.model, "units": {}}
    shown = preview(organization=visit.organization, on=visit.now.date(), **order)
    return {"form": form, "preview": shown, "problems": [*form.problems, *shown.problems]}


def _confirmation(
    request: PageRequest, visit: Visit, form: PurchaseForm, refusal: Refusal | None = None
) -> HttpResponse:
    """Each showing has a key of its own: an order that was refused can be tried again."""
    context = _order_context(visit, form)
    problems = context["problems"]
    if context["preview"] is None:
        problems.append("Choose a model.")
    elif not context["preview"].wanted and not problems:
        problems.append("Choose at least one unit.")
    if refusal and refusal.detail not in problems:
        problems.insert(0, refusal.detail)
    context["key"] = f"page-{uuid.uuid4().hex}"
    template = "capacity/checkout.html"
    return render(
        request,
        f"{template}#dialog" if request.htmx else template,
        context,
        status=422 if request.method == "POST" else 200,
    )
