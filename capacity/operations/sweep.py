"""The sweep: it opens due days in all organizations. Several workers can run at once (R7)."""

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
    """The service day `on` of an organization, by its public id, could not be opened."""

    organization: str
    on: date
    error: Exception

    def __str__(self) -> str:
        reason, _, _ = str(self.error).partition("\n")
        return (
            f"{self.organization}: {self.on} was not opened: {type(self.error).__name__}: {reason}"
        )


class LeftBehindError(Exception):
    """Days of some organizations could not be opened. `opened` is the result of the others."""

    def __init__(self, opened: Opened, failures: Sequence[Failure]) -> None:
        super().__init__(
            opened, failures
        )  # Both arguments: Celery pickles the exception of a task.
        self.opened = opened
        self.failures = failures

    def __str__(self) -> str:
        reasons = "; ".join(str(failure) for failure in self.failures)
        return f"{self.opened.days} days opened, {len(self.failures)} left behind: {reasons}"


class _BatchError(Exception):
    """The transaction of a batch was rolled back."""

    def __init__(self, organizations: Sequence[Organization], error: Exception) -> None:
        self.organizations = organizations
        self.error = error

    def failure(self) -> Failure:
        """Log and return the failure of a batch of one organization."""
        [organization] = self.organizations
        failure = Failure(organization.public_id, organization.opened_until, self.error)
        logger.error("%s", failure, exc_info=self.error)
        return failure


def open_due_days_everywhere(*, now: datetime, until: date | None = None) -> Opened:
    """Open due days in all organizations, by the clock of each, up to the day `until` inclusive.

    `now` is the real time. Sweeps at the same time share the work: each locks another batch. An
    organization whose day cannot be opened delays no other: it is left for the next sweep. After
    all others are done, LeftBehindError names these organizations.
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
    """Return two queries of organizations with due days: by the real clock and by test clocks (R1).

    A partial index serves each query.
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
    """Open a day for the oldest batch. If it fails, halve it until each failing one is alone.

    Add the failures to `failures`, by primary key of the organization. Return None if no
    organization is due.
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
    """Open a day for a whole batch in one transaction. Return None if no organization is due.

    Raises _BatchError if it fails, but not for an error in finding and locking the batch.
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
            opened = pass_time(organizations=batch, until=until)
            assert opened, "the queries of `_due` find organizations with a day to open"
            return opened
    except Exception as error:
        if not batch:  # The query of the batch failed: no organization is the cause.
            raise
        raise _BatchError(batch, error) from error
