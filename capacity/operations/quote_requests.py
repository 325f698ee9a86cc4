"""Asking for capacity, withdrawing that, and an operator's answer: a form or a refusal (R23)."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from http import HTTPStatus

from accounts.models import Organization
from accounts.operations.audit import Actor
from accounts.operations.changes import Change, organization_change
from billing.models import OrderForm
from billing.operations.order_forms import add_order_form
from capacity.models import QuoteRequest, QuoteRequestLine, QuoteRequestStatus, RequestedModel
from capacity.queries.quote_requests import ExpectedTraffic, Need, find_quote_request, needs
from common.errors import BusinessError, InvalidRequest


class AlreadyAnswered(BusinessError):
    """A quote request is answered or withdrawn once."""

    code = "already_answered"
    status = HTTPStatus.CONFLICT


def request_quote(
    *,
    organization: Organization,
    models: Sequence[ExpectedTraffic],
    note: str,
    by: Actor,
    now: datetime,
) -> QuoteRequest:
    """Ask for capacity by expected TPM; an operator answers with an order form or declines (R23).

    Raises NotFound for a model that does not exist, InvalidRequest for what cannot be asked for.
    """
    with organization_change(organization=organization, by=by, now=now) as change:
        needed = needs(organization=change.organization, models=models, on=change.today)
        request = QuoteRequest.objects.create(
            organization=change.organization,
            created_at=change.now,
            created_by=by.person,
            note=note,
        )
        _save(request, needed)
        change.record(
            "quote_request.created",
            request.public_id,
            after={
                "models": [str(need.requested_model) for need in needed],
                "note": note,
            },
        )
    return request


def _save(request: QuoteRequest, needed: Sequence[Need]) -> None:
    for need in needed:
        need.requested_model.quote_request = request
    RequestedModel.objects.bulk_create(need.requested_model for need in needed)
    QuoteRequestLine.objects.bulk_create(line for need in needed for line in need.lines)


def answer_quote_request(
    *,
    request: QuoteRequest,
    form: OrderForm,
    model_discounts: Mapping[str, Decimal],
    reply: str,
    by: Actor,
    now: datetime,
) -> OrderForm:
    """Answer a request with a new order form, which the owners can sign; tell them (R23).

    `form` has the terms and is not saved yet. `reply` may be empty. Raises AlreadyAnswered, and
    Django's ValidationError for invalid terms.
    """
    with organization_change(organization=request.organization, by=by, now=now) as change:
        locked = _lock_open(request)
        add_order_form(change, form, model_discounts)
        locked.order_form = form
        _reply(change, locked, QuoteRequestStatus.ANSWERED, reply)
    return form


def decline_quote_request(
    *, request: QuoteRequest, reply: str, by: Actor, now: datetime
) -> QuoteRequest:
    """Decline a request with a sentence, and tell the owners (R23).

    Raises AlreadyAnswered, and InvalidRequest without a sentence.
    """
    if not reply.strip():
        raise InvalidRequest.field("reply", "Say why, in a sentence: the owners read it.")
    with organization_change(organization=request.organization, by=by, now=now) as change:
        locked = _lock_open(request)
        _reply(change, locked, QuoteRequestStatus.DECLINED, reply)
    return locked


def withdraw_quote_request(
    *, organization: Organization, request_id: str, by: Actor, now: datetime
) -> QuoteRequest:
    """Withdraw a request that nobody has answered; operators see that it needs no answer (R23).

    Any owner can, whoever asked. Raises NotFound, for another organization's too (R18), and
    AlreadyAnswered.
    """
    with organization_change(organization=organization, by=by, now=now) as change:
        locked = _lock_open(find_quote_request(change.organization, request_id))
        locked.status = QuoteRequestStatus.WITHDRAWN
        locked.withdrawn_at = change.now
        locked.withdrawn_by = by.user
        locked.save(update_fields=["status", "withdrawn_at", "withdrawn_by"])
        change.record("quote_request.withdrawn", locked.public_id, after={"status": locked.status})
    return locked


def _lock_open(request: QuoteRequest) -> QuoteRequest:
    locked = QuoteRequest.objects.select_for_update().get(pk=request.pk)
    if not locked.is_open:
        raise AlreadyAnswered(f"This request is {locked.status} already.")
    return locked


def _reply(change: Change, request: QuoteRequest, status: QuoteRequestStatus, reply: str) -> None:
    request.status = status
    request.reply = reply.strip()
    request.replied_at = change.now
    request.replied_by = change.by.user
    request.full_clean(exclude=["order_form", "replied_by"], validate_unique=False)
    request.save()
    form = {"order_form": request.order_form.public_id} if request.order_form else {}
    change.record(
        f"quote_request.{status}", request.public_id, after={**form, "reply": request.reply}
    )
    change.enqueue_email(f"quote_{status}", request.public_id)
