"""Opening due days, for apps that do not open days themselves (R7).

Opening a day expires units, issues invoices and posts charges: the seller's work. Whoever reads or
changes an organization asks for it here; the composition root connects who does it.
"""

from datetime import datetime
from typing import Protocol

from accounts.models import Organization


class DayOpener(Protocol):
    """Who opens days."""

    def open_due_days(self, *, organization: Organization, now: datetime) -> object:
        """Open every service day that is due by `now`, each in a transaction of its own."""


class _Connection:
    opener: DayOpener | None = None


def connect_day_opener(opener: DayOpener) -> None:
    """Called once, when the process starts."""
    _Connection.opener = opener


def bring_up_to_date(*, organization: Organization, now: datetime) -> None:
    """Open every day of the organization that is due by `now`, its own time (R7).

    Call it before reading anything that shows a day, and before changing anything, outside any
    transaction. Without a due day it costs nothing.
    """
    assert _Connection.opener, "the composition root connects a DayOpener"
    _Connection.opener.open_due_days(organization=organization, now=now)
