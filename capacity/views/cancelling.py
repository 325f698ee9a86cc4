"""Cancelling a lot's units, with the quote that follows the slider, and thinking better of it."""

import uuid
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.access import Permission, Visit
from accounts.errors import InvalidRequest, Refusal
from accounts.operations.idempotency import AnsweredBefore, Once
from accounts.views.visiting import PageRequest, actor, go, visited
from capacity.forms import CancellationForm
from capacity.models import Cancellation, Lot
from capacity.operations.cancellations import cancel_units, undo_cancellation
from capacity.queries.cancellations import (
    cancellable_units,
    find_cancellation,
    quote_cancellation,
)
from capacity.queries.holdings import find_lot
from capacity.templatetags import figures


@visited(Permission.BUY)
@require_http_methods(["GET", "POST"])
def cancel(request: PageRequest, visit: Visit, lot_id: str) -> HttpResponse:
    """The Cancel dialog, or the same as a page; posted, the cancellation."""
    lot = find_lot(visit.organization, lot_id)
    if request.method == "GET":
        form = CancellationForm({"units": request.GET.get("units", 1)})
        return _dialog(request, visit, lot, form)
    form = CancellationForm(request.POST)
    if not form.is_valid():
        return _dialog(request, visit, lot, form)
    try:
        said = _cancel(request, visit, lot, form.cleaned_data["units"])
    except Refusal as refusal:
        return _dialog(request, visit, lot, form, refusal)
    messages.success(request, said)
    return go(request, _model_url(visit, lot))


@visited(Permission.BUY)
@require_GET
def cancellation_quote(request: PageRequest, visit: Visit, lot_id: str) -> HttpResponse:
    """The quote alone, at every move of the slider."""
    lot = find_lot(visit.organization, lot_id)
    form = CancellationForm(request.GET)
    return render(request, "capacity/cancel.html#quote", _quote(visit, lot, form))


@visited(Permission.BUY)
@require_POST
def undo(request: PageRequest, visit: Visit, cancellation_id: str) -> HttpResponse:
    """Let units that were cancelled go on."""
    found = find_cancellation(organization=visit.organization, cancellation_id=cancellation_id)
    try:
        undo_cancellation(
            organization=visit.organization,
            cancellation_id=cancellation_id,
            by=actor(request),
            now=visit.now,
        )
    except Refusal as refusal:
        messages.error(request, refusal.detail)
    else:
        units = figures.units(found.units, found.lot.kind)
        messages.success(request, f"Cancellation undone: {units} will go on renewing.")
    return redirect(_model_url(visit, found.lot))


def _cancel(request: PageRequest, visit: Visit, lot: Lot, units: int) -> str:
    """Cancel once, however often the form is sent; says what will end when."""
    once = Once.of(
        key=request.POST.get("key", ""),
        request=(request.path, {"units": units}),
        render=_answer,
    )
    try:
        cancellation = cancel_units(
            organization=visit.organization,
            lot_id=lot.public_id,
            units=units,
            by=actor(request),
            now=visit.now,
            once=once,
        )
    except AnsweredBefore as before:
        if before.status != once.status:
            raise InvalidRequest.field("units", before.body["detail"]) from before
        return str(before.body["message"])
    return str(_answer(cancellation)["message"])


def _answer(cancellation: Cancellation) -> dict[str, Any]:
    units = figures.units(cancellation.units, cancellation.lot.kind)
    return {
        "cancellation": cancellation.public_id,
        "message": f"Cancelled {units}: active until {cancellation.ends_on} 00:00 UTC, "
        f"last charged for {cancellation.last_charged_day}. You can undo it until then.",
    }


def _dialog(
    request: PageRequest,
    visit: Visit,
    lot: Lot,
    form: CancellationForm,
    refusal: Refusal | None = None,
) -> HttpResponse:
    """Each showing has a key of its own: what was refused can be tried again."""
    context = _quote(visit, lot, form) | {
        "left": cancellable_units(lot),
        "key": f"page-{uuid.uuid4().hex}",
        "back": _model_url(visit, lot),
    }
    if refusal and refusal.detail not in context["problems"]:
        context["problems"].insert(0, refusal.detail)
    template = "capacity/cancel.html#dialog" if request.htmx else "capacity/cancel.html"
    return render(request, template, context, status=200 if request.method == "GET" else 422)


def _quote(visit: Visit, lot: Lot, form: CancellationForm) -> dict[str, Any]:
    """The quote for what was typed, or why there is none."""
    context: dict[str, Any] = {"lot": lot, "form": form, "problems": form.problems}
    if form.is_valid():
        try:
            context["quote"] = quote_cancellation(
                lot=lot, units=form.cleaned_data["units"], on=visit.now.date()
            )
        except Refusal as refusal:
            context["problems"] = [refusal.detail]
    return context


def _model_url(visit: Visit, lot: Lot) -> str:
    return reverse("model", args=[visit.organization.public_id, lot.snapshot.model])
