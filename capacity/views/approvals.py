"""The dialogs that approve and decline a purchase request (R20)."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods

from accounts.access import AccessContext, Permission
from accounts.views.permissions import PageRequest, caller, permission_required
from accounts.views.responses import redirect_from_dialog, say_once
from billing.queries.standing import standing
from capacity.forms import DeclineForm, posted_amount
from capacity.models import Kind, PurchaseRequest
from capacity.operations.approvals import approve_request, decline_request
from capacity.operations.purchase_requests import check_pending
from capacity.queries.catalogue import find_listing
from capacity.queries.plans import planned_purchase
from capacity.queries.purchase_requests import check_may_decide, check_request, find_request
from capacity.queries.purchases import cost_in_words
from capacity.templatetags.units import units_by_kind
from capacity.views.page_keys import PageKey, page_key
from capacity.views.timeline_pictures import Picture, pictures
from common.errors import BusinessError, InvalidRequest
from common.fragments import render_fragment
from common.idempotency import IdempotencyKey, ReplayedResponse


@permission_required(Permission.MANAGE)
@require_http_methods(["GET", "POST"])
def approve(request: PageRequest, access: AccessContext, request_id: str) -> HttpResponse:
    """Show what the purchase costs today, for htmx as a dialog. A POST makes it."""
    asked = find_request(access.organization, request_id)
    if request.method == "GET":
        key = page_key(request, request_id)
        if key.message is None:
            return _approval(request, access, asked, key)
        return _approved(request, access, key.message)
    try:
        message = _approve(request, asked)
    except BusinessError as error:
        # What was shown is out of date; the page below shows what holds now.
        problems = [error.detail]
        context = {"asked": asked, "problems": problems, "is_refused": True}
        return _dialog(request, access, "approve", context, status=422)
    return _approved(request, access, message)


@permission_required(Permission.MANAGE)
@require_GET
def approval_timeline(request: PageRequest, access: AccessContext, request_id: str) -> HttpResponse:
    """Show each kind that would be bought, before and after the approval (R22)."""
    organization, today = access.organization, access.now.date()
    asked = find_request(organization, request_id)
    after: list[Picture] = []
    if asked.is_pending:
        present = standing(organization, today)
        model = asked.snapshot.model
        plan = planned_purchase(
            organization=organization,
            present=present,
            listing=find_listing(organization=organization, model=model, on=today),
            units=asked.units,
            project=asked.project.public_id,
        )
        after = pictures(
            organization,
            present,
            model=model,
            kinds={Kind(line.kind) for line in plan.lines},
            plan=plan,
            now="after this purchase",
        )
    return render_fragment(request, "capacity/timeline.html#pictures", {"pictures": after})


@permission_required(Permission.MANAGE)
@require_http_methods(["GET", "POST"])
def decline(request: PageRequest, access: AccessContext, request_id: str) -> HttpResponse:
    """Ask for an optional reason, for htmx as a dialog. A POST declines the request."""
    asked = find_request(access.organization, request_id)
    form = DeclineForm(request.POST if request.method == "POST" else None)
    context: dict[str, Any] = {"asked": asked, "form": form}
    try:
        if request.method == "POST" and form.is_valid():
            reason = form.cleaned_data["reason"]
            decline_request(**caller(request), request_id=request_id, reason=reason)
            messages.success(request, f"Declined: {_text(asked)}. {asked.requested_by} is told.")
            return redirect_from_dialog(request, _back(access))
        _check_open(asked, access)
    except BusinessError as error:
        context["problems"] = [error.detail]
    status = 422 if request.method == "POST" else 200
    return _dialog(request, access, "decline", context, status=status)


def _approval(
    request: PageRequest, access: AccessContext, asked: PurchaseRequest, key: PageKey
) -> HttpResponse:
    """Show what would be bought and charged today, or why it cannot be approved."""
    context: dict[str, Any] = {"asked": asked, "key": key.text, "is_priced": True}
    try:
        _check_open(asked, access)
        checked = check_request(access.organization, asked, on=access.now.date())
        context |= {"quote": checked.quote}
        context["problems"] = [refusal.detail for refusal in checked.quote.refusals]
    except BusinessError as error:
        context["problems"] = [error.detail]
    return _dialog(request, access, "approve", context)


def _check_open(asked: PurchaseRequest, access: AccessContext) -> None:
    """Raises what approving or declining would raise at once."""
    check_may_decide(asked, access.user)
    check_pending(asked)


def _approve(request: PageRequest, asked: PurchaseRequest) -> str:
    """Approve the request and return the message. A form that is sent again buys nothing (R17)."""
    shown = posted_amount(request.POST)
    if shown is None:
        raise InvalidRequest.field("shown", "Open the request again, and approve what it shows.")
    key = IdempotencyKey.for_request(
        key=request.POST.get("key", ""),
        path=request.path,
        body=asked.public_id,
        render=_response_body,
    )
    try:
        approved = approve_request(
            **caller(request), request_id=asked.public_id, due_now=shown, idempotency_key=key
        )
    except ReplayedResponse as replay:
        if replay.is_refusal:
            raise InvalidRequest(replay.body["detail"]) from replay
        return str(replay.body["message"])
    return str(_response_body(approved)["message"])


def _response_body(approved: PurchaseRequest) -> dict[str, Any]:
    assert approved.purchase, "an approved request has its purchase"
    return {
        "request": approved.public_id,
        "message": f"Approved: {_text(approved)}, active now. {cost_in_words(approved.purchase)}",
    }


def _approved(request: PageRequest, access: AccessContext, message: str) -> HttpResponse:
    say_once(request, message)
    return redirect_from_dialog(request, _back(access))


def _text(asked: PurchaseRequest) -> str:
    return f"{units_by_kind(asked.units)} of {asked.snapshot}, asked for by {asked.requested_by}"


def _dialog(
    request: PageRequest,
    access: AccessContext,
    name: str,
    context: dict[str, Any],
    *,
    status: int = 200,
) -> HttpResponse:
    context["back"] = _back(access)
    template = f"capacity/{name}_request.html"
    if request.htmx:
        return render_fragment(request, f"{template}#dialog", context, status=status)
    return render(request, template, context, status=status)


def _back(access: AccessContext) -> str:
    return reverse("purchase_requests", args=[access.organization.public_id])
