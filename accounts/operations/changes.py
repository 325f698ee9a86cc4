"""How an organization is changed: one transaction, one lock, one idempotency key."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from http import HTTPStatus
from typing import Any, TypedDict, TypeVar

from django.db import transaction

from accounts.models import Organization
from accounts.operations.audit import Actor, record
from accounts.operations.days import bring_up_to_date
from accounts.operations.emails import enqueue_emails
from accounts.operations.idempotency import replay_response, store_response
from accounts.operations.organizations import lock_organization
from common.errors import BusinessError
from common.idempotency import IdempotencyKey

Result = TypeVar("Result")


class Caller(TypedDict):
    """Where, by whom and when: the first arguments of every operation."""

    organization: Organization
    by: Actor
    now: datetime


@dataclass(slots=True)
class Change:
    """What an operation relies on: the organization, locked and read anew; and the time.

    `now` is never before the day that is open, so that nothing is written to a closed day.
    """

    organization: Organization
    by: Actor
    now: datetime
    idempotency_key: IdempotencyKey | None = None
    is_answered: bool = False

    @property
    def today(self) -> date:
        """The service day on which the change takes place."""
        return self.now.date()

    def record(
        self,
        action: str,
        subject: str,
        *,
        before: dict[str, Any] | None = None,
        after: dict[str, Any] | None = None,
    ) -> None:
        """Write the audit entry of this change (R19)."""
        record(
            organization=self.organization,
            by=self.by,
            action=action,
            subject=subject,
            at=self.now,
            before=before,
            after=after,
        )

    def enqueue_email(self, kind: str, about: str) -> None:
        """Enqueue the email that tells the organization of this change."""
        enqueue_emails(kind=kind, about={self.organization.pk: about}, now=self.now)

    def respond(self, result: Result) -> Result:
        """Return `result`; with an idempotency key, store the response made of it first (R17)."""
        self.is_answered = True
        if self.idempotency_key:
            store_response(
                organization=self.organization,
                key=self.idempotency_key,
                result=result,
                now=self.now,
            )
        return result


@contextmanager
def organization_change(
    *,
    organization: Organization,
    by: Actor,
    now: datetime,
    idempotency_key: IdempotencyKey | None = None,
) -> Iterator[Change]:
    """Open what is due, then lock the organization for the length of the block: all or nothing.

    Every operation that changes an organization consists of one such block. A BusinessError
    undoes the block and is raised. Under an idempotency key, which needs `Change.respond`, a
    conflict (409) is the first response and is stored; a request that was wrong in itself leaves
    the key free for the right one. Raises ReplayedResponse if the key has its response already.
    """
    bring_up_to_date(organization=organization, now=now)
    conflict: BusinessError | None = None
    with transaction.atomic(durable=True):
        locked = lock_organization(organization)
        if idempotency_key:
            replay_response(organization=locked, key=idempotency_key)
        change = Change(locked, by, _not_before_open_day(now, locked), idempotency_key)
        try:
            with transaction.atomic() if idempotency_key else nullcontext():
                yield change
                assert change.is_answered or not idempotency_key, "the change has no response"
        except BusinessError as error:
            if idempotency_key is None or error.status != HTTPStatus.CONFLICT:
                raise
            change.respond(error)
            conflict = error
    if conflict:
        raise conflict


def _not_before_open_day(now: datetime, organization: Organization) -> datetime:
    """Another process may have opened the next day between reading the clock and getting the lock.

    A closed day must not be written to, so the change happens on the day that is open now.
    """
    open_day = organization.opened_until - timedelta(days=1)
    return max(now, organization.clock_at or now, datetime.combine(open_day, time.min, UTC))
