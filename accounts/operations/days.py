"""The one way to an organization's present day (R7), for apps that do not open days themselves.

Opening a day expires units, issues invoices and posts charges: the seller's work. Whoever changes
an organization asks for it here, and the composition root says who does it: `OPEN_DUE_DAYS`.
"""

from datetime import datetime
from typing import Protocol, cast

from django.conf import settings
from django.utils.module_loading import import_string

from accounts.models import Organization


class OpenDueDays(Protocol):
    """What `OPEN_DUE_DAYS` names."""

    def __call__(self, *, organization: Organization, now: datetime) -> object: ...


def bring_up_to_date(*, organization: Organization, now: datetime) -> None:
    """Open every day of the organization that is due by `now`, its own time (R7).

    Before anything is read that shows a day or changed that the past must not notice, and outside
    any transaction: each day is one of its own. Without a due day it costs nothing.
    """
    open_due_days = cast(OpenDueDays, import_string(settings.OPEN_DUE_DAYS))
    open_due_days(organization=organization, now=now)
