"""Test clocks (R13): the clock of a sandbox changes only when an owner moves it."""

from datetime import datetime, timedelta

from django.db import transaction

from accounts.models import Organization
from accounts.operations.audit import Actor, record
from accounts.operations.organizations import lock_organization
from capacity.operations.days import Opened, pass_time
from common.errors import InvalidRequest, NotAllowed
from common.instants import midnight, rfc3339

LONGEST_MOVE = timedelta(days=31)


class NoTestClock(NotAllowed):
    """Only a sandbox has a clock that can be moved; other organizations have the real time."""


def sandbox_clock(organization: Organization) -> datetime:
    """Return a sandbox's time. Raises NoTestClock for every other organization (R13)."""
    if organization.clock_at is None:
        raise NoTestClock("Only a sandbox has a clock that can be moved.")
    return organization.clock_at


def advance_clock(*, organization: Organization, to: datetime, by: Actor) -> Opened:
    """Move a sandbox's clock forward to `to` and open every day on the way (R7, R13).

    Each day has its own transaction, which also sets the clock to the day's midnight. So after a
    crash the clock shows a day that is open. Raises NoTestClock, or InvalidRequest for a move back
    or to a date more than 31 days away.
    """
    started_at = _check_move(organization, to)
    opened = Opened()
    while True:
        with transaction.atomic(durable=True):
            locked = lock_organization(organization)
            day = locked.opened_until
            step = pass_time(organizations=[locked], until=to)
            if step is None:
                _set_clock(locked, to)
                _record(locked, started_at, by=by)
                break
            opened += step
            _set_clock(locked, midnight(day))
    organization.refresh_from_db()
    return opened


def _check_move(organization: Organization, to: datetime) -> datetime:
    started_at = sandbox_clock(organization)
    if to < started_at:
        raise InvalidRequest.field(
            "to", f"The clock stands at {started_at:%Y-%m-%d %H:%M} UTC and never goes back."
        )
    if to.date() - started_at.date() > LONGEST_MOVE:
        raise InvalidRequest.field(
            "to", f"The clock moves at most {LONGEST_MOVE.days} days at a time."
        )
    return started_at


def _set_clock(locked: Organization, at: datetime) -> None:
    """Set the clock, but never back: another request may have moved it further."""
    assert locked.clock_at is not None
    locked.clock_at = max(locked.clock_at, at)
    locked.save(update_fields=["clock_at"])


def _record(locked: Organization, started_at: datetime, *, by: Actor) -> None:
    record(
        organization=locked,
        by=by,
        action="clock.advanced",
        subject=locked.public_id,
        at=locked.now(),
        before={"now": rfc3339(started_at)},
        after={"now": rfc3339(locked.now())},
    )
