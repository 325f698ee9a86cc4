"""The opening of a day (R7): everything that time does, in one place.

`open_day` is the only path by which time changes anything. It works on a set of organizations, so
the sweep opens thousands a statement and a purchase opens its own organization by the same code.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from django.db import connection, transaction
from django.db.models import Exists, OuterRef, Q, QuerySet, Sum

from accounts.models import Organization
from accounts.models.organization import DUE_BY_TEST_CLOCK
from accounts.operations.notices import announce
from accounts.operations.organizations import lock_organization
from billing.operations.charges import post_charges
from billing.operations.invoices import issue_invoices
from billing.queries.invoices import owed_too_long
from billing.queries.order_forms import order_forms_in_force
from capacity.models import (
    Cancellation,
    CancellationStatus,
    ExpiryReason,
    Lot,
)
from capacity.operations.charging import renewals
from capacity.operations.expiring import expire, expire_whole

logger = logging.getLogger(__name__)

BATCH = 500
"""Organizations that one transaction of the sweep opens a day for."""

COMMITMENT_NOTICE = timedelta(days=3)
"""How long before its end a commitment is announced."""


@dataclass(frozen=True, slots=True)
class Opened:
    """What opening did: organization-days opened, charges posted, invoices issued."""

    days: int = 0
    charges: int = 0
    invoices: int = 0

    def __add__(self, other: "Opened") -> "Opened":
        return Opened(
            self.days + other.days,
            self.charges + other.charges,
            self.invoices + other.invoices,
        )


@dataclass(frozen=True, slots=True)
class Failure:
    """An organization, by its public id, whose service day `on` could not be opened, and why."""

    organization: str
    on: date
    error: Exception

    def __str__(self) -> str:
        why, _, _ = str(self.error).partition("\n")
        return f"{self.organization}: {self.on} was not opened: {type(self.error).__name__}: {why}"


class LeftBehindError(Exception):
    """Some organizations could not be opened; `opened` is what was done for all others."""

    def __init__(self, opened: Opened, failures: Sequence[Failure]) -> None:
        super().__init__(opened, failures)  # All of it, for Celery pickles what a task raises.
        self.opened = opened
        self.failures = failures

    def __str__(self) -> str:
        said = "; ".join(str(failure) for failure in self.failures)
        return f"{self.opened.days} days opened, {len(self.failures)} left behind: {said}"


class _NotOpenedError(Exception):
    """A batch that was rolled back, whole."""

    def __init__(self, organizations: Sequence[Organization], error: Exception) -> None:
        self.organizations = organizations
        self.error = error

    def failure(self) -> Failure:
        """The failure of a batch of one, logged with where it happened."""
        [organization] = self.organizations
        failure = Failure(organization.public_id, organization.opened_until, self.error)
        logger.error("%s", failure, exc_info=self.error)
        return failure


def open_due_days(*, organization: Organization, now: datetime) -> Opened:
    """Open each day of the organization due by `now`, in order, each its own transaction."""
    opened = Opened()
    if organization.opened_until > now.date():
        return opened
    while True:
        with transaction.atomic(durable=True):
            locked = lock_organization(organization)
            organization.opened_until = locked.opened_until
            if locked.opened_until > now.date():
                return opened
            opened += open_day(organizations=[locked.pk], on=locked.opened_until)


def open_everyones_due_days(*, now: datetime, until: date | None = None) -> Opened:
    """The sweep: open what is due in every organization, by its own clock, up to `until` included.

    Any number of sweeps share the work: each takes a batch that no other holds. An organization
    whose day cannot be opened holds up nobody else: it is left behind until the next sweep, and
    LeftBehindError names it once everything else is done.
    """
    opened = Opened()
    failures: dict[int, Failure] = {}
    for due in _due(now=now, until=until):
        while done := _open_apart(due.exclude(pk__in=list(failures)), failures):
            opened += done
    if failures:
        raise LeftBehindError(opened, list(failures.values()))
    return opened


def _due(*, now: datetime, until: date | None) -> list[QuerySet[Organization]]:
    """Who has days to open, by the real clock and by a test clock: an index answers each (R1)."""
    everyone = Organization.objects.all()
    if until is not None:
        everyone = everyone.filter(opened_until__lte=until)
    return [
        everyone.filter(clock_at=None, opened_until__lte=now.date()),
        everyone.filter(DUE_BY_TEST_CLOCK),
    ]


def _open_apart(due: QuerySet[Organization], failures: dict[int, Failure]) -> Opened | None:
    """A day for the oldest of a batch, halved until whoever fails stands alone.

    Adds who fails to `failures`, by primary key. None: nobody is due.
    """
    try:
        return _open_together(due)
    except _NotOpenedError as error:
        failed = error
    organizations = failed.organizations
    if len(organizations) == 1:
        failures[organizations[0].pk] = failed.failure()
        return Opened()
    middle = len(organizations) // 2
    opened = Opened()
    for half in (organizations[:middle], organizations[middle:]):
        opened += _open_apart(due.filter(pk__in=[one.pk for one in half]), failures) or Opened()
    return opened


def _open_together(due: QuerySet[Organization]) -> Opened | None:
    """All or nobody; raises _NotOpenedError when anything fails but finding and locking them."""
    batch: list[Organization] = []
    oldest_first = due.order_by("opened_until", "pk")
    try:
        with transaction.atomic(durable=True):
            batch += oldest_first.select_for_update(skip_locked=True, no_key=True)[:BATCH]
            if not batch:
                return None
            day = batch[0].opened_until
            batch = [organization for organization in batch if organization.opened_until == day]
            return open_day(organizations=[organization.pk for organization in batch], on=day)
    except Exception as error:
        if not batch:  # The database itself fails: no organization is to blame.
            raise
        raise _NotOpenedError(batch, error) from error


def open_day(*, organizations: Sequence[int], on: date) -> Opened:
    """Open the service day `on` for organizations that are locked and have it next (R7).

    In this order: units whose end has come expire; the invoice of a period that just ended is
    issued; renewals are charged. One atomic step with the mark that it is done.
    """
    assert connection.in_atomic_block, "a day is opened whole or not at all"
    lots = Lot.objects.filter(organization__in=organizations, active_units__gt=0)
    _expire_cancelled(organizations, on)
    expire_whole(lots.filter(snapshot__retires_on__lte=on), ExpiryReason.MODEL_RETIRED, on)
    invoices = issue_invoices(organizations=organizations, on=on)
    charges = _renew(lots.filter(charged_until__lte=on), on)
    _settle_cancellations(organizations, on)
    _announce_ending_commitments(lots, on)
    Organization.objects.filter(pk__in=organizations).update(opened_until=on + timedelta(days=1))
    return Opened(days=len(organizations), charges=charges, invoices=invoices)


def _expire_cancelled(organizations: Sequence[int], on: date) -> None:
    due = (
        Cancellation.objects.filter(
            organization__in=organizations, status=CancellationStatus.SCHEDULED, ends_on__lte=on
        )
        .order_by("lot_id")
        .values("lot_id")
        .annotate(ended=Sum("units"))
    )
    expire(due, ExpiryReason.CANCELLED, on)


def _renew(due: QuerySet[Lot], on: date) -> int:
    """R4, and R11: past their commitment, units renew only while the organization may buy."""
    past_commitment = due.filter(commitment_ends_on__lte=on)
    same_organization = {"organization": OuterRef("organization")}
    without_form = ~Exists(order_forms_in_force(on).filter(**same_organization).order_by())
    overdue = Exists(owed_too_long(on).filter(**same_organization))
    expire_whole(past_commitment.filter(without_form), ExpiryReason.ORDER_FORM_ENDED, on)
    expire_whole(past_commitment.filter(overdue), ExpiryReason.PAYMENT_OVERDUE, on)
    charges = post_charges(renewals(due, on=on))
    due.update(charged_until=on + timedelta(days=1))
    return charges


def _settle_cancellations(organizations: Sequence[int], on: date) -> None:
    """Cancellations whose day has come, or whose lot ended sooner for another reason."""
    Cancellation.objects.filter(
        Q(ends_on__lte=on) | Q(lot__active_units=0),
        organization__in=organizations,
        status=CancellationStatus.SCHEDULED,
    ).update(status=CancellationStatus.EFFECTIVE)


def _announce_ending_commitments(lots: QuerySet[Lot], on: date) -> None:
    """Tell whoever holds units that will go on renewing, so that this surprises nobody."""
    ends_on = on + COMMITMENT_NOTICE
    holders = lots.filter(commitment_ends_on=ends_on).order_by().values_list("organization")
    announce(
        organizations=[organization for (organization,) in holders.distinct()],
        kind="commitments_ending",
        subject=ends_on.isoformat(),
        now=datetime.combine(on, time.min, UTC),
    )
