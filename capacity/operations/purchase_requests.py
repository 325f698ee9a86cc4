"""Asking for approval of a purchase, withdrawing that, and requests that lapse (R20)."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from http import HTTPStatus

from django.db import connection
from django.db.models import Value
from django.db.models.functions import JSONObject

from accounts.models import Organization
from accounts.operations.audit import TIME, Actor, record_each
from accounts.operations.changes import Change, organization_change
from accounts.operations.emails import enqueue_each_email
from capacity.models import PurchaseRequest, PurchaseRequestStatus
from capacity.queries.days import due_requests
from capacity.queries.purchase_requests import find_request
from capacity.queries.quotes import CheckedPurchase
from common.errors import BusinessError, NotAllowed
from common.idempotency import IdempotencyKey
from common.instants import midnight

LAPSES_AFTER = timedelta(days=7)
"""A request lapses at the opening of the seventh day after the day on which it was made."""


class RequestAlreadyDecided(BusinessError):
    """The request does not wait any more: it was approved, declined or withdrawn, or it lapsed."""

    code = "already_effective"
    status = HTTPStatus.CONFLICT


def create_request(change: Change, checked: CheckedPurchase) -> PurchaseRequest:
    """Ask for approval of a purchase that was checked, as a step of a change.

    It reserves nothing. The owners who can approve it get an email.
    """
    quote = checked.quote
    request = PurchaseRequest.objects.create(
        organization=change.organization,
        snapshot=quote.snapshot,
        project=checked.project,
        pool=checked.pool,
        units={line.kind.value: line.units for line in quote.lines},
        due_now_amount=quote.due_now.amount,
        per_day_amount=quote.then_per_day.amount,
        requested_at=change.now,
        requested_by=quote.rights.person,
        lapses_on=change.today + LAPSES_AFTER,
    )
    change.record(
        "purchase.requested",
        request.public_id,
        after={
            "model": quote.snapshot.model,
            "units": request.units,
            "due_now": quote.due_now.document(),
            "then_per_day": quote.then_per_day.document(),
            "lapses_on": request.lapses_on.isoformat(),
        },
    )
    change.enqueue_email("purchase_requested", request.public_id)
    return request


def withdraw_request(
    *,
    organization: Organization,
    request_id: str,
    by: Actor,
    now: datetime,
    idempotency_key: IdempotencyKey | None = None,
) -> PurchaseRequest:
    """Withdraw a request: nothing is bought.

    Raises NotFound, NotAllowed for anyone but the person who asked, RequestAlreadyDecided.
    """
    with organization_change(
        organization=organization, by=by, now=now, idempotency_key=idempotency_key
    ) as change:
        request = find_request(change.organization, request_id)
        if request.requested_by != by.person:
            raise NotAllowed(f"Only {request.requested_by}, who asked, may withdraw this request.")
        check_pending(request)
        decide(change, request, PurchaseRequestStatus.WITHDRAWN)
        return change.respond(request)


def check_pending(request: PurchaseRequest) -> None:
    """Raises RequestAlreadyDecided if the request does not wait any more."""
    if request.decided_at is None:
        return
    who = f" by {request.decided_by}" if request.decided_by else ""
    raise RequestAlreadyDecided(
        f"This purchase request was {request.get_status_display().lower()}{who} on "
        f"{request.decided_at.date()} UTC. Nothing was changed now."
        if request.status != PurchaseRequestStatus.LAPSED
        else f"This purchase request lapsed on {request.lapses_on} UTC, as nobody had decided it. "
        "Ask again to buy."
    )


def decide(
    change: Change, request: PurchaseRequest, status: PurchaseRequestStatus, *, reason: str = ""
) -> None:
    """Store how a pending request ended, and record it, as a step of a change."""
    request.status = status
    request.decided_at = change.now
    request.decided_by = change.by.person
    request.reason = reason
    request.save()
    after = {"status": status.value}
    if reason:
        after["reason"] = reason
    if request.purchase:
        after["purchase"] = request.purchase.public_id
    change.record(
        f"purchase_request.{status.value}",
        request.public_id,
        before={"status": PurchaseRequestStatus.PENDING.value},
        after=after,
    )


def lapse_requests(*, organizations: Sequence[int], on: date) -> None:
    """Let the requests lapse that nobody has decided until the service day `on`.

    The organizations, by primary key, are locked.
    """
    assert connection.in_atomic_block, "requests lapse in the transaction that opens the day"
    due = due_requests(organizations, on)
    rows = list(due.order_by("pk").values_list("pk", "organization_id", "public_id"))
    lapsed = PurchaseRequest.objects.filter(pk__in=[key for key, _, _ in rows])
    lapsed.update(status=PurchaseRequestStatus.LAPSED, decided_at=midnight(on))
    after = JSONObject(status=Value(PurchaseRequestStatus.LAPSED.value))
    record_each(
        lapsed.order_by("pk").values_list("organization_id", "public_id", after),
        by=TIME,
        action="purchase_request.lapsed",
        at=midnight(on),
    )
    enqueue_each_email(
        kind="purchase_request_decided",
        about=[(organization, public_id) for _, organization, public_id in rows],
        now=midnight(on),
    )
