"""How every change of an organization's capacity is carried out: one transaction, one shape."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from http import HTTPStatus
from typing import TypeVar

from django.db import transaction

from accounts.errors import Refusal
from accounts.models import Organization
from accounts.operations.audit import Actor
from accounts.operations.idempotency import Once, answer_before, keep_answer
from accounts.operations.organizations import lock_organization
from capacity.operations.opening import open_due_days

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Change:
    """What a step may rely on: the organization, locked; the time, no earlier than its open day."""

    organization: Organization
    by: Actor
    now: datetime

    @property
    def today(self) -> date:
        return self.now.date()


def carry_out(
    step: Callable[[Change], Result],
    *,
    organization: Organization,
    by: Actor,
    now: datetime,
    once: Once | None = None,
) -> Result:
    """Open what is due, lock the organization, run `step`, keep its answer: all or nothing.

    A refusal undoes the step and is raised. Under `once` a conflict is the first answer, and kept
    (R17); a request that was wrong in itself leaves its key free for the right one.
    Raises AnsweredBefore when `once` was answered already.
    """
    open_due_days(organization=organization, now=now)
    with transaction.atomic(durable=True):
        locked = lock_organization(organization)
        if once:
            answer_before(organization=locked, once=once)
        change = Change(organization=locked, by=by, now=_not_before_open_day(now, locked))
        result: Result | Refusal
        try:
            with transaction.atomic():
                result = step(change)
        except Refusal as refusal:
            if once is None or refusal.status != HTTPStatus.CONFLICT:
                raise
            result = refusal
        if once:
            keep_answer(organization=locked, once=once, result=result, now=change.now)
    if isinstance(result, Refusal):
        raise result
    return result


def _not_before_open_day(now: datetime, organization: Organization) -> datetime:
    """Between reading the clock and getting the lock, midnight may have passed for someone else.

    A day that is closed must not be written to, so the change happens on the day now open.
    """
    open_day = organization.opened_until - timedelta(days=1)
    return max(now, organization.clock_at or now, datetime.combine(open_day, time.min, UTC))
