"""What time does with usage: windows close, partitions come and go. Several workers can do it."""

import logging
from datetime import datetime

from django.db import connection
from django.db.models import Exists, OuterRef, Q

from accounts.models import Organization
from capacity.usage.domain.windows import closed_until
from capacity.usage.models import OrganizationUsage, UsageMinute
from capacity.usage.operations.windows import close_due_windows

logger = logging.getLogger(__name__)


def close_due_windows_everywhere(*, now: datetime) -> int:
    """Close due windows in all organizations with open ones, by the clock of each.

    `now` is the real time. Returns the number of organizations. One whose windows cannot be closed
    is logged and left for the next sweep, and delays no other.
    """
    unclosed = UsageMinute.objects.filter(
        organization=OuterRef("organization"), minute__gte=OuterRef("closed_until")
    )
    waiting = OrganizationUsage.objects.filter(
        Q(organization__clock_at=None, closed_until__lt=closed_until(now))
        | Q(organization__clock_at__isnull=False),
        Exists(unclosed),
    ).select_related("organization")
    return sum(_close(usage.organization, usage.organization.clock_at or now) for usage in waiting)


def _close(organization: Organization, now: datetime) -> bool:
    try:
        close_due_windows(organization, now=now)
    except Exception:
        logger.exception("%s: its windows were not closed", organization.public_id)
        return False
    return True


def keep_partitions() -> int:
    """Make the partitions of this month and the next, and drop those that are no longer kept.

    The database's owner wrote the function; the product may only call it. Returns the number made
    or dropped. Ids of events are kept for two months after their own, minutes for one, windows for
    13.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT usage_keep_partitions()")
        return int(cursor.fetchone()[0])
