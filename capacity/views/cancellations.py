"""Pages that cancel units of a lot, with a quote for each position of the slider, and undo it."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.access import AccessContext, Permission
from accounts.views.permissions import PageRequest, caller, permission_required
from accounts.views.responses import redirect_from_dialog, say_once
from billing.queries.standing import standing
from capacity.forms import CancellationForm
from capacity.models import Cancellation, CancellationStatus, Kind, Lot
from capacity.operations.cancellations import cancel_units, undo_cancellation
from capacity.queries.cancellations import find_cancellation, quote_cancellation
from capacity.queries.lots import find_lot
from capacity.queries.plans import PlannedCancellation
from capacity.templatetags.units import units as units_text
from capacity.views.page_keys import PageKey, new_page_key, page_key
from capacity.views.timeline_pictures import pictures
from common.days import last_day
from common.errors import BusinessError, InvalidRequest
from common.fragments import render_fragment
from common.idempotency import IdempotencyKey, ReplayedResponse


@permission_required(Permission.BUY)
@require_http_methods(["GET", "POST"])
def cancel(request: PageRequest, access: AccessContext, lot_id: str) -> HttpResponse:
    """Show the Cancel dialog, for htmx or as a page. A POST cancels the units."""
    lot = find_lot(access.organization, lot_id)
    if request.method == "GET":
        form = CancellationForm({"units": request.GET.get("units", 1)})
        key = page_key(request, _request_body(form)) if form.is_valid() else new_page_key()
        if key.message is None:
            return _dialog(request, access, lot, form, key)
        return _cancelled(request, access, lot, key.message)
    form = CancellationForm(request.POST)
    if not form.is_valid():
        return _dialog(request, access, lot, form, new_page_key())
    try:
        message = _cancel(request, lot, form)
    except BusinessError as error:
        return _refusal(request, access, lot, form, error)
    return _cancelled(request, access, lot, message)


def _cancelled(request: PageRequest, access: AccessContext, lot: Lot, message: str) -> HttpResponse:
    say_once(request, message)
    return redirect_from_dialog(request, _model_url(access, lot))


@permission_required(Permission.BUY)
@require_GET
def cancellation_quote(request: PageRequest, access: AccessContext, lot_id: str) -> HttpResponse:
    """Show only the quote. The slider requests it at each move."""
    lot = find_lot(access.organization, lot_id)
    context = _quote_context(access, lot, CancellationForm(request.GET))
    return render_fragment(request, "capacity/cancel.html#quote", context)


@permission_required(Permission.BUY)
@require_GET
def cancellation_timeline(request: PageRequest, access: AccessContext, lot_id: str) -> HttpResponse:
    """Show the kind of the lot, before and after the cancellation (R22). The slider requests it."""
    lot = find_lot(access.organization, lot_id)
    form = CancellationForm(request.GET)
    units = form.cleaned_data["units"] if form.is_valid() else 0
    today = access.now.date()
    plan = None
    if 0 < units <= lot.renewing_units:
        plan = PlannedCancellation(lot, units, lot.terms_of_cancelling(units, on=today).ends_on)
    after = pictures(
        access.organization,
        standing(access.organization, today),
        model=lot.snapshot.model,
        kinds={Kind(lot.kind)},
        plan=plan,
    )
    return render_fragment(request, "capacity/timeline.html#pictures", {"pictures": after})


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
        if cancellation.status == CancellationStatus.UNDONE:
            messages.info(
                request, f"The cancellation of {units} was undone before; nothing changed."
            )
        else:
            messages.success(request, f"Cancellation undone: {units} will go on renewing.")
    return redirect(_model_url(access, cancellation.lot))


def _request_body(form: CancellationForm) -> dict[str, Any]:
    return {"units": form.cleaned_data["units"]}


def _cancel(request: PageRequest, lot: Lot, form: CancellationForm) -> str:
    """Cancel the units and return the message. A form that is sent again cancels nothing (R17)."""
    key = IdempotencyKey.for_request(
        key=request.POST.get("key", ""),
        path=request.path,
        body=_request_body(form),
        render=_response_body,
    )
    try:
        cancellation = cancel_units(
            **caller(request),
            lot_id=lot.public_id,
            units=form.cleaned_data["units"],
            idempotency_key=key,
        )
    except ReplayedResponse as replay:
        if replay.is_refusal:
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


def _refusal(
    request: PageRequest,
    access: AccessContext,
    lot: Lot,
    form: CancellationForm,
    error: BusinessError,
) -> HttpResponse:
    """Show the dialog as things stand now: the lot may have changed since it was shown."""
    lot_now = find_lot(access.organization, lot.public_id)
    return _dialog(request, access, lot_now, form, new_page_key(), error)


def _dialog(
    request: PageRequest,
    access: AccessContext,
    lot: Lot,
    form: CancellationForm,
    key: PageKey,
    error: BusinessError | None = None,
) -> HttpResponse:
    context = _quote_context(access, lot, form) | {"key": key.text, "back": _model_url(access, lot)}
    if error and "quote" in context:
        form.add_error("units", error.detail)
    status = 200 if request.method == "GET" else 422
    if request.htmx:
        return render_fragment(request, "capacity/cancel.html#dialog", context, status=status)
    return render(request, "capacity/cancel.html", context, status=status)


def _quote_context(access: AccessContext, lot: Lot, form: CancellationForm) -> dict[str, Any]:
    """Return the quote of the typed number; without one the form says what is wrong with it."""
    context: dict[str, Any] = {"lot": lot, "form": form}
    if form.is_valid():
        try:
            context["quote"] = quote_cancellation(
                lot=lot, units=form.cleaned_data["units"], on=access.now.date()
            )
        except BusinessError as error:
            form.add_error("units", error.detail)
    return context


def _model_url(access: AccessContext, lot: Lot) -> str:
    return reverse("model", args=[access.organization.public_id, lot.snapshot.model])
