"""Pages that cancel units of a lot, with a quote for each position of the slider, and undo it."""

import uuid
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.access import AccessContext, Permission
from accounts.views.permissions import PageRequest, caller, permission_required
from accounts.views.responses import redirect_from_dialog
from capacity.forms import CancellationForm
from capacity.models import Cancellation, Lot
from capacity.operations.cancellations import cancel_units, undo_cancellation
from capacity.queries.cancellations import find_cancellation, quote_cancellation
from capacity.queries.lots import find_lot
from capacity.templatetags.units import units as units_text
from common.days import last_day
from common.errors import BusinessError, InvalidRequest
from common.idempotency import IdempotencyKey, ReplayedResponse


@permission_required(Permission.BUY)
@require_http_methods(["GET", "POST"])
def cancel(request: PageRequest, access: AccessContext, lot_id: str) -> HttpResponse:
    """Show the Cancel dialog, for htmx or as a page. A POST cancels the units."""
    lot = find_lot(access.organization, lot_id)
    if request.method == "GET":
        form = CancellationForm({"units": request.GET.get("units", 1)})
        return _dialog(request, access, lot, form)
    form = CancellationForm(request.POST)
    if not form.is_valid():
        return _dialog(request, access, lot, form)
    try:
        message = _cancel(request, lot, form.cleaned_data["units"])
    except BusinessError as error:
        return _dialog(request, access, lot, form, error)
    messages.success(request, message)
    return redirect_from_dialog(request, _model_url(access, lot))


@permission_required(Permission.BUY)
@require_GET
def cancellation_quote(request: PageRequest, access: AccessContext, lot_id: str) -> HttpResponse:
    """Show only the quote. The slider requests it at each move."""
    lot = find_lot(access.organization, lot_id)
    context = _quote_context(access, lot, CancellationForm(request.GET))
    return render(request, "capacity/cancel.html#quote", context)


@permission_required(Permission.BUY)
@require_POST
def undo(request: PageRequest, access: AccessContext, cancellation_id: str) -> HttpResponse:
    """Let cancelled units go on renewing."""
    cancellation = find_cancellation(
        organization=access.organization, cancellation_id=cancellation_id
    )
    try:
        undo_cancellation(**caller(request), cancellation_id=cancellation_id)
    except BusinessError as error:
        messages.error(request, error.detail)
    else:
        units = units_text(cancellation.units, cancellation.lot.kind)
        messages.success(request, f"Cancellation undone: {units} will go on renewing.")
    return redirect(_model_url(access, cancellation.lot))


def _cancel(request: PageRequest, lot: Lot, units: int) -> str:
    """Cancel the units and return the message. A form that is sent again cancels nothing (R17)."""
    key = IdempotencyKey.for_request(
        key=request.POST.get("key", ""),
        path=request.path,
        body={"units": units},
        render=_response_body,
    )
    try:
        cancellation = cancel_units(
            **caller(request), lot_id=lot.public_id, units=units, idempotency_key=key
        )
    except ReplayedResponse as replay:
        if replay.status != key.status:
            raise InvalidRequest.field("units", replay.body["detail"]) from replay
        return str(replay.body["message"])
    return str(_response_body(cancellation)["message"])


def _response_body(cancellation: Cancellation) -> dict[str, Any]:
    units = units_text(cancellation.units, cancellation.lot.kind)
    return {
        "cancellation": cancellation.public_id,
        "message": f"Cancelled {units}: active and charged until {last_day(cancellation.ends_on)} "
        "UTC (last day). You can undo it until then.",
    }


def _dialog(
    request: PageRequest,
    access: AccessContext,
    lot: Lot,
    form: CancellationForm,
    error: BusinessError | None = None,
) -> HttpResponse:
    """Show the dialog with a new idempotency key, so that a refused request can be repeated."""
    context = _quote_context(access, lot, form) | {
        "key": f"page-{uuid.uuid4().hex}",
        "back": _model_url(access, lot),
    }
    if error and error.detail not in context["problems"]:
        context["problems"].insert(0, error.detail)
    template = "capacity/cancel.html#dialog" if request.htmx else "capacity/cancel.html"
    return render(request, template, context, status=200 if request.method == "GET" else 422)


def _quote_context(access: AccessContext, lot: Lot, form: CancellationForm) -> dict[str, Any]:
    """Return the quote of the typed number, or the problems with the number."""
    context: dict[str, Any] = {"lot": lot, "form": form, "problems": form.problems}
    if form.is_valid():
        try:
            context["quote"] = quote_cancellation(
                lot=lot, units=form.cleaned_data["units"], on=access.now.date()
            )
        except BusinessError as error:
            context["problems"] = [error.detail]
    return context


def _model_url(access: AccessContext, lot: Lot) -> str:
    return reverse("model", args=[access.organization.public_id, lot.snapshot.model])
