"""Approving and declining purchase requests, and the threshold that calls for them (R20)."""

from datetime import datetime

from accounts.models import Organization
from accounts.operations.audit import Actor
from accounts.operations.changes import Change, organization_change
from accounts.queries.members import owners
from billing.domain.money import Money
from capacity.models import ApprovalThreshold, PurchaseRequest, PurchaseRequestStatus
from capacity.operations.purchase_requests import check_pending, decide
from capacity.operations.purchases import check_quote, lock_supply, make_purchase
from capacity.queries.purchase_requests import check_may_decide, check_request, find_request
from capacity.queries.purchasers import approval_threshold
from common.errors import NotAllowed
from common.idempotency import IdempotencyKey


def set_approval_threshold(
    *, organization: Organization, threshold: Money | None, by: Actor, now: datetime
) -> Money | None:
    """Set the cost per day above which a purchase needs approval; None: none does.

    Requests that wait already go on waiting.
    """
    with organization_change(organization=organization, by=by, now=now) as change:
        before = approval_threshold(change.organization)
        if threshold is None:
            ApprovalThreshold.objects.filter(organization=change.organization).delete()
        else:
            ApprovalThreshold.objects.update_or_create(
                organization=change.organization, defaults={"amount": threshold.amount}
            )
        change.record(
            "approval.set",
            change.organization.public_id,
            before={"threshold_per_day": before and before.document()},
            after={"threshold_per_day": threshold and threshold.document()},
        )
    return threshold


def approve_request(
    *,
    organization: Organization,
    request_id: str,
    due_now: Money,
    by: Actor,
    now: datetime,
    idempotency_key: IdempotencyKey | None = None,
) -> PurchaseRequest:
    """Approve a request: the purchase is made today, in the name of the person who asked.

    Everything is checked and priced again; `due_now` is what the approver was shown. Raises
    NotFound, NotAllowed for anyone but another owner, RequestAlreadyDecided, and what a purchase
    raises; then the request goes on waiting.
    """
    with organization_change(
        organization=organization, by=by, now=now, idempotency_key=idempotency_key
    ) as change:
        request = _find_to_decide(change, request_id)
        lock_supply(change.organization, request.snapshot.model)
        checked = check_request(change.organization, request, on=change.today)
        check_quote(checked.quote, shown=due_now, on=change.today)
        request.purchase = make_purchase(change, checked)
        request.due_now_amount = checked.quote.due_now.amount
        request.per_day_amount = checked.quote.then_per_day.amount
        decide(change, request, PurchaseRequestStatus.APPROVED)
        change.enqueue_email("purchase_request_decided", request.public_id)
        return change.respond(request)


def decline_request(
    *,
    organization: Organization,
    request_id: str,
    reason: str,
    by: Actor,
    now: datetime,
    idempotency_key: IdempotencyKey | None = None,
) -> PurchaseRequest:
    """Decline a request, with a reason or an empty one: nothing is bought.

    Raises NotFound, NotAllowed for anyone but another owner, RequestAlreadyDecided.
    """
    with organization_change(
        organization=organization, by=by, now=now, idempotency_key=idempotency_key
    ) as change:
        request = _find_to_decide(change, request_id)
        decide(change, request, PurchaseRequestStatus.DECLINED, reason=reason)
        change.enqueue_email("purchase_request_decided", request.public_id)
        return change.respond(request)


def _find_to_decide(change: Change, request_id: str) -> PurchaseRequest:
    """Return a request that waits for the actor. The actor's role is read under the lock (R18)."""
    request = find_request(change.organization, request_id)
    check_may_decide(request, change.by.person)
    if not owners(change.organization).filter(user=change.by.person).exists():
        raise NotAllowed("Only an owner may approve or decline a purchase request.")
    check_pending(request)
    return request
