"""Telling the payment provider of issued invoices, each exactly once, whatever happens on the way.

Postgres is the outbox: a `Dispatch` is made in the transaction that issues its invoice. A sender
claims one for a short while, talks to Stripe outside any transaction, and writes down what came of
it. It may be killed anywhere in between: whoever claims the dispatch next starts over, and every
step first looks at what is there already. Two things make that safe:

- each request that makes something has an idempotency key made of the invoice's own identity, so
  that repeating it within 24 hours, even at the same moment, makes nothing more;
- Stripe forgets keys after that, so before anything is made it is looked for by its metadata.

The generation of a key is read before the looking. So whoever still has the old key gets the old
answer, and whoever has the new one has seen what the old one made.

A payment that an operator records later puts the dispatch back in the queue, and the next sender
settles the Stripe invoice too. Both change the dispatch under its lock, so a payment recorded while
its invoice is being sent is not missed.
"""

from datetime import datetime, timedelta
from enum import Enum
from typing import Any

from django.db import connection, transaction
from django.db.models import F, Q, QuerySet

from accounts.operations.audit import Actor, record
from billing.models import Dispatch, DispatchStatus, Invoice, Settlement
from billing.operations.provider_customers import forget_customer
from billing.operations.provider_invoices import PAYABLE, bring_about, settled
from billing.stripe_gateway import (
    CustomerUnknown,
    Gateway,
    Refused,
    StripeInvoice,
    Unavailable,
)

STRIPE = Actor("stripe")
LEASE = timedelta(minutes=1)
"""How long a claim keeps other senders away. Overrunning it costs nothing but double work."""
FIRST_WAIT = timedelta(minutes=1)
LONGEST_WAIT = timedelta(hours=6)


class Attempt(Enum):
    """What came of sending one invoice."""

    SENT = "sent"
    LATER = "later"
    FAILED = "failed"
    NEEDLESS = "needless"


def send_next(*, now: datetime) -> Attempt | None:
    """Send the invoice, or word of its payment, that is due first, and say how that went.

    None if none is due.

    `now` is the real time, for sandboxes too: Stripe lives by no test clock. Without a secret key
    everything stays pending.
    """
    gateway = Gateway.from_settings()
    dispatch = _claim(now) if gateway else None
    if gateway is None or dispatch is None:
        return None
    if not dispatch.provider_id and settled(dispatch.invoice.settlement):
        return _let_be(dispatch, now)
    try:
        found = bring_about(dispatch, gateway, now)
    except CustomerUnknown as problem:
        forget_customer(dispatch.organization, now)
        return _put_off(dispatch, f"{problem} It will be made anew.", now)
    except Refused as problem:
        return _let_stand(dispatch, str(problem), now)
    except Unavailable as problem:
        return _put_off(dispatch, str(problem), now, key_used_up=problem.key_used_up)
    except Exception as fault:
        _put_off(dispatch, f"A fault of our own: {fault!r}", now)
        raise
    return _write_down(dispatch, found, now)


def send_again(*, dispatch: Dispatch, by: Actor, now: datetime) -> bool:
    """Put a failed dispatch back in the queue, with fresh keys; False unless it stood failed."""
    with transaction.atomic(durable=True):
        updated = Dispatch.objects.filter(pk=dispatch.pk, status=DispatchStatus.FAILED).update(
            status=DispatchStatus.PENDING,
            failures=0,
            generation=F("generation") + 1,
            next_attempt_at=None,
        )
        if updated:
            _record(dispatch, "invoice.send_again", now, by=by)
    return bool(updated)


def tell_of_payment(invoice: Invoice) -> None:
    """Have the provider hear of a payment made outside it, in the transaction that records it.

    One that is on its way now is told of it afterwards. Whoever is still at it from a claim that
    ran out is told apart by the attempts.
    """
    assert connection.in_atomic_block, "a payment is recorded together with what follows from it"
    dispatch = Dispatch.objects.select_for_update(no_key=True).get(pk=invoice.pk)
    if dispatch.status in {DispatchStatus.SENT, DispatchStatus.FAILED}:
        dispatch.status = DispatchStatus.PENDING
        dispatch.failures = 0
        dispatch.attempts += 1
        dispatch.next_attempt_at = None
        dispatch.save(update_fields=["status", "failures", "attempts", "next_attempt_at"])


def _claim(now: datetime) -> Dispatch | None:
    """Take the dispatch that is due first, for the length of a lease."""
    with transaction.atomic(durable=True):
        dispatch = (
            Dispatch.objects.select_for_update(skip_locked=True, no_key=True, of=("self",))
            .select_related("invoice__settlement", "organization")
            .filter(
                Q(next_attempt_at=None) | Q(next_attempt_at__lte=now),
                status=DispatchStatus.PENDING,
            )
            .order_by(F("next_attempt_at").asc(nulls_first=True), "invoice_id")
            .first()
        )
        if dispatch is not None:
            dispatch.attempts += 1
            dispatch.next_attempt_at = now + LEASE
            dispatch.save(update_fields=["attempts", "next_attempt_at"])
    return dispatch


def _put_off(
    dispatch: Dispatch, problem: str, now: datetime, *, key_used_up: bool = False
) -> Attempt:
    """Try again later, twice as late each time."""
    wait = min(FIRST_WAIT * 2 ** min(dispatch.failures, 16), LONGEST_WAIT)
    _still_claimed(dispatch).update(
        failures=F("failures") + 1,
        generation=F("generation") + int(key_used_up),
        next_attempt_at=now + wait,
        problem=problem,
    )
    return Attempt.LATER


def _let_stand(dispatch: Dispatch, problem: str, now: datetime) -> Attempt:
    """Leave it to the operator, with the reason."""
    with transaction.atomic(durable=True):
        if _still_claimed(dispatch).update(
            status=DispatchStatus.FAILED, next_attempt_at=None, problem=problem
        ):
            _record(dispatch, "invoice.sending_failed", now, after={"reason": problem})
    return Attempt.FAILED


def _let_be(dispatch: Dispatch, now: datetime) -> Attempt:
    """It was settled before the provider heard of it: paid by bank transfer, say."""
    with transaction.atomic(durable=True):
        if _still_claimed(dispatch).update(
            status=DispatchStatus.NEEDLESS, next_attempt_at=None, problem=""
        ):
            _record(dispatch, "invoice.sending_needless", now)
    return Attempt.NEEDLESS


def _write_down(dispatch: Dispatch, found: StripeInvoice, now: datetime) -> Attempt:
    """It is sent, even if meanwhile another sender has taken it over.

    If it was paid elsewhere meanwhile, and can still be paid there, it goes again to say so.
    """
    with transaction.atomic(durable=True):
        row = Dispatch.objects.select_for_update(no_key=True).get(pk=dispatch.pk)
        if row.status == DispatchStatus.SENT:
            return Attempt.SENT
        goes_again = found.status in PAYABLE and settled(Settlement.objects.get(pk=row.pk))
        row.status = DispatchStatus.PENDING if goes_again else DispatchStatus.SENT
        row.next_attempt_at = None
        row.problem = ""
        row.provider_id = found.id
        row.provider_total = found.total
        row.hosted_url = found.hosted_url
        row.sent_at = row.sent_at or now
        row.save()
        told = settled(dispatch.invoice.settlement)
        action = "invoice.payment_told" if told else "invoice.sent"
        _record(dispatch, action, now, after={"stripe_invoice": found.id})
    return Attempt.SENT


def _still_claimed(dispatch: Dispatch) -> QuerySet[Dispatch]:
    """The row, unless another sender has claimed it since."""
    return Dispatch.objects.filter(
        pk=dispatch.pk, status=DispatchStatus.PENDING, attempts=dispatch.attempts
    )


def _record(
    dispatch: Dispatch,
    action: str,
    now: datetime,
    *,
    by: Actor = STRIPE,
    after: dict[str, Any] | None = None,
) -> None:
    record(
        organization=dispatch.organization,
        by=by,
        action=action,
        subject=dispatch.invoice.public_id,
        at=dispatch.organization.clock_at or now,
        after=after,
    )
