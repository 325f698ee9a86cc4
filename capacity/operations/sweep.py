"""The sweep: opening due days in every organization, by any number of workers at once (R7)."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from django.db import transaction
from django.db.models import QuerySet

from accounts.models import Organization
from accounts.models.organizations import DUE_BY_TEST_CLOCK
from capacity.operations.days import Opened, pass_time

logger = logging.getLogger(__name__)

BATCH = 500
"""Organizations for which one transaction opens a day."""


@dataclass(frozen=True, slots=True)
class Failure:
    """An organization, by its public id, whose service day `on` could not be opened, and why."""

    organization: str
    on: date
    error: Exception

    def __str__(self) -> str:
        reason, _, _ = str(self.error).partition("\n")
        return (
            f"{self.organization}: {self.on} was not opened: {type(self.error).__name__}: {reason}"
        )


class LeftBehindError(Exception):
    """Some organizations could not be opened; `opened` is what was done for all others."""

    def __init__(self, opened: Opened, failures: Sequence[Failure]) -> None:
        super().__init__(opened, failures)  # All of it, for Celery pickles what a task raises.
        self.opened = opened
        self.failures = failures

    def __str__(self) -> str:
        reasons = "; ".join(str(failure) for failure in self.failures)
        return f"{self.opened.days} days opened, {len(self.failures)} left behind: {reasons}"


class _BatchError(Exception):
    """A batch was rolled back, whole."""

    def __init__(self, organizations: Sequence[Organization], error: Exception) -> None:
        self.organizations = organizations
        self.error = error

    def failure(self) -> Failure:
        """Return the failure of a batch of one, logged with where it happened."""
        [organization] = self.organizations
        failure = Failure(organization.public_id, organization.opened_until, self.error)
        logger.error("%s", failure, exc_info=self.error)
        return failure


def open_due_days_everywhere(*, now: datetime, until: date | None = None) -> Opened:
    """Open what is due in every organization, by its own clock, up to the day `until` included.

    Sweeps share the work: each takes a batch that no other holds. An organization whose day cannot
    be opened delays nobody else: it is left behind until the next sweep, and LeftBehindError names
    it once everything else is done.
    """
    opened = Opened()
    failures: dict[int, Failure] = {}
    for due in _due(now=now, until=until):
        while (
            step := _open_or_halve(due.exclude(pk__in=list(failures)), now, failures)
        ) is not None:
            opened += step
    if failures:
        raise LeftBehindError(opened, list(failures.values()))
    return opened


def _due(*, now: datetime, until: date | None) -> list[QuerySet[Organization]]:
    """Organizations with days to open, by the real clock and by a test clock (R1).

    An index answers each query.
    """
    organizations = Organization.objects.all()
    if until is not None:
        organizations = organizations.filter(opened_until__lte=until)
    return [
        organizations.filter(clock_at=None, opened_until__lte=now.date()),
        organizations.filter(DUE_BY_TEST_CLOCK),
    ]


def _open_or_halve(
    due: QuerySet[Organization], now: datetime, failures: dict[int, Failure]
) -> Opened | None:
    """Open a day for the oldest batch; halve a batch that fails until the cause stands alone.

    Adds the failures by primary key. Returns None when nobody is due.
    """
    try:
        return _open_batch(due, now)
    except _BatchError as error:
        failed = error
    organizations = failed.organizations
    if len(organizations) == 1:
        failures[organizations[0].pk] = failed.failure()
        return Opened()
    middle = len(organizations) // 2
    opened = Opened()
    for half in (organizations[:middle], organizations[middle:]):
        keys = [organization.pk for organization in half]
        opened += _open_or_halve(due.filter(pk__in=keys), now, failures) or Opened()
    return opened


def _open_batch(due: QuerySet[Organization], now: datetime) -> Opened | None:
    """Open a day for the whole batch or for nobody.

    Raises _BatchError when anything fails, except finding and locking the batch itself.
    """
    batch: list[Organization] = []
    oldest_first = due.order_by("opened_until", "pk")
    try:
        with transaction.atomic(durable=True):
            batch += oldest_first.select_for_update(skip_locked=True, no_key=True)[:BATCH]
            if not batch:
                return None
            day = batch[0].opened_until
            batch = [organization for organization in batch if organization.opened_until == day]
            until = min(organization.clock_at or now for organization in batch)
            return pass_time(organizations=batch, until=until)
    except Exception as error:
        if not batch:  # The database itself fails: no organization is the cause.
            raise
        raise _BatchError(batch, error) from error
