"""Opening due days, for apps that do not open days themselves (R7).

Opening a day expires units, issues invoices and posts charges, which is the work of a higher app.
Code that reads or changes an organization calls `bring_up_to_date`; `scaletier.apps` connects the
object that opens the days.
"""

from datetime import datetime
from typing import Protocol

from accounts.models import Organization


class DayOpener(Protocol):
    """Opens due days."""

    def open_due_days(self, *, organization: Organization, now: datetime) -> object:
        """Open every service day that is due by `now`, each in a transaction of its own."""


class _Connection:
    opener: DayOpener | None = None


def connect_day_opener(opener: DayOpener) -> None:
    """Set the object that opens days. `scaletier.apps` calls it once, when the process starts."""
    _Connection.opener = opener


def bring_up_to_date(*, organization: Organization, now: datetime) -> None:
    """Open every day of the organization that is due by `now`, its own time (R7).

    Call it before each read and each change of the organization's data, outside any transaction.
    Without a due day it makes no statement.
    """
    assert _Connection.opener, "the composition root connects a DayOpener"
    _Connection.opener.open_due_days(organization=organization, now=now)
