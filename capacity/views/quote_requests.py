"""The page “Order form”: asking for capacity, the requests with their answers, and the forms."""

from collections.abc import Sequence
from typing import Any

from django.contrib import messages
from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from accounts.access import AccessContext, Permission
from accounts.views.permissions import PageRequest, caller, permission_required
from billing.queries.order_forms import form_states
from capacity.forms import QuoteRequestForm
from capacity.models.quote_requests import total_per_day
from capacity.operations.quote_requests import (
    AlreadyAnswered,
    request_quote,
    withdraw_quote_request,
)
from capacity.queries.catalogue import listings
from capacity.queries.quote_requests import Need, needs, quote_requests
from common.errors import BusinessError
from common.fragments import render_fragment
from common.lists import list_page, render_lists


@permission_required(Permission.MANAGE)
@require_GET
def order_form_page(request: PageRequest, access: AccessContext) -> HttpResponse:
    """Show the form of a request, all requests, and all order forms."""
    return _page(request, access, _form(access, request.GET))


@permission_required(Permission.MANAGE)
@require_POST
def ask(request: PageRequest, access: AccessContext) -> HttpResponse:
    """Ask for capacity, or say what is wrong; what was typed stays."""
    form = _form(access, request.POST)
    rows = form.rows_to_send()
    if form.note.is_valid() and not any(row.errors for row in rows):
        try:
            request_quote(
                **caller(request),
                models=[row.traffic for row in rows],
                note=form.note.cleaned_data["note"],
            )
        except BusinessError as error:
            form.add_errors(rows, error)
        else:
            messages.success(request, "Your request is sent. The answer comes by email, and here.")
            return redirect("order_form", access.organization.public_id)
    return _page(request, access, form, status=422)


@permission_required(Permission.MANAGE)
@require_POST
def withdraw_quote(
    request: PageRequest, access: AccessContext, quote_request_id: str
) -> HttpResponse:
    """Withdraw a request that is not answered yet."""
    try:
        withdraw_quote_request(**caller(request), request_id=quote_request_id)
    except AlreadyAnswered as error:
        messages.error(request, error.detail)
    else:
        messages.success(request, "The request is withdrawn. It will not be answered.")
    return redirect(reverse("order_form", args=[access.organization.public_id]) + "#requests")


@permission_required(Permission.MANAGE)
@require_GET
def request_summary(request: PageRequest, access: AccessContext) -> HttpResponse:
    """Show only the units and the daily price, which follow as one types."""
    context = _request_context(access, _form(access, request.GET))
    return render_fragment(request, "capacity/order_form.html#summary", context)


@permission_required(Permission.MANAGE)
@require_POST
def change_models(request: PageRequest, access: AccessContext) -> HttpResponse:
    """Show the form with one more row, or without the row `remove`, or only its units anew.

    Without scripts it is the whole page.
    """
    data, is_grown = request.POST.copy(), "add" in request.POST
    rows = _form(access, data).rows
    kept = [row for number, row in enumerate(rows) if str(number) != data.get("remove")]
    for name in rows[0].fields:
        values = [str(row[name].value() or "") for row in kept]
        data.setlist(name, [*values, ""] if is_grown else values)
    form = _form(access, data)
    if not request.htmx:
        return _page(request, access, form)
    context = _request_context(access, form) | {"is_grown": is_grown, "is_shrunk": not is_grown}
    return render_fragment(request, "capacity/order_form.html#request", context)


def _form(access: AccessContext, data: QueryDict) -> QuoteRequestForm:
    today = access.now.date()
    return QuoteRequestForm(data, listings(organization=access.organization, on=today))


def _request_context(access: AccessContext, form: QuoteRequestForm) -> dict[str, Any]:
    """Return the form with the units and daily price of the rows that are complete so far."""
    needed = _needs(access, form)
    lines = [line for need in needed for line in need.lines]
    return {"form": form, "lines": lines, "per_day": total_per_day(lines) if lines else None}


def _needs(access: AccessContext, form: QuoteRequestForm) -> Sequence[Need]:
    """Return the needs of the rows that can be understood; the other rows get their errors."""
    rows = form.complete_rows()
    while rows:
        try:
            return needs(
                organization=access.organization,
                models=[row.traffic for row in rows],
                on=access.now.date(),
                among=form.listings,
            )
        except BusinessError as error:
            form.add_errors(rows, error)
            rows = [row for row in rows if not row.errors]
    return []


def _page(
    request: PageRequest, access: AccessContext, form: QuoteRequestForm, *, status: int = 200
) -> HttpResponse:
    context = _request_context(access, form) | {
        "now": access.now,
        "states": form_states(access.organization, access.now.date()),
        "requests": list_page(request, "requests", quote_requests(access.organization)),
    }
    return render_lists(request, "capacity/order_form.html", context, status=status)
