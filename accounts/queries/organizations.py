"""Organizations, over the whole platform."""

from datetime import datetime

from django.db.models import F, Q, QuerySet
from django.db.models.functions import TruncDate

from accounts.models import Organization


def organizations_behind(now: datetime) -> QuerySet[Organization]:
    """Return the organizations with a day before the present one that is not opened (R7).

    `now` is the real time; a sandbox's present day is that of its clock. Something is wrong with
    them: the sweep opens every day within minutes.
    """
    by_real_clock = Q(clock_at=None, opened_until__lt=now.date())
    by_test_clock = Q(opened_until__lt=TruncDate(F("clock_at")))
    return Organization.objects.filter(by_real_clock | by_test_clock)
