"""Changes of an organization: one transaction, one lock, one idempotency key."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import date, datetime, timedelta
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
from common.instants import midnight

Result = TypeVar("Result")


class Caller(TypedDict):
    """The organization, the actor and the time: the first arguments of every operation."""

    organization: Organization
    by: Actor
    now: datetime


@dataclass(slots=True)
class Change:
    """A change in progress: the locked organization, read anew, with the actor and the time.

    `now` is the organization's time. It is never before the open day, so that nothing is written
    to a closed day.
    """

    organization: Organization
    by: Actor
    now: datetime
    idempotency_key: IdempotencyKey | None = None
    is_answered: bool = False

    @property
    def today(self) -> date:
        """Return the service day of the change."""
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
        """Enqueue the email about this change."""
        enqueue_emails(kind=kind, about={self.organization.pk: about}, now=self.now)

    def respond(self, result: Result) -> Result:
        """Return `result`; with an idempotency key, store the response that shows it (R17)."""
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
    """Open due days (R7), then run the block in one transaction with the organization locked.

    An operation on an organization consists of one such block. A BusinessError rolls the block
    back and is raised. With an `idempotency_key` (R17) the block must call `Change.respond`. A
    conflict (409) is stored as the response of the key; any other error leaves the key unused, so
    that the corrected request can use it. Raises ReplayedResponse if the key has a response
    already, IdempotencyKeyReused if the key belongs to another request.
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
    """Return `now`, or the start of the open day if that is later.

    Another process may open the next day between the reading of the clock and the lock. Nothing
    may be written to a closed day, so the change takes place on the day that is open now.
    """
    open_day = organization.opened_until - timedelta(days=1)
    return max(now, organization.clock_at or now, midnight(open_day))
