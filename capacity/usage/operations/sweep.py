"""What time does with usage: windows close, alerts are raised. Several workers can do it."""

import logging
from datetime import UTC, datetime

from django.db.models import Exists, F, OuterRef, Q, Value
from django.db.models.functions import Coalesce, TruncDate

from accounts.models import Organization
from capacity.models import Lot
from capacity.usage.domain.windows import OPEN_AFTER_END, WINDOW, closed_until
from capacity.usage.models import OrganizationUsage, UsageAlertSettings, UsageMinute
from capacity.usage.operations.alerts import raise_usage_alerts, watch_organizations
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


def raise_usage_alerts_everywhere(*, now: datetime) -> int:
    """Raise usage alerts in all organizations with units, by the clock of each.

    `now` is the real time. Returns the number of alerts. An organization in which it fails is
    logged and left for the next sweep, and delays no other.
    """
    time = Coalesce("organization__clock_at", Value(now))
    has_rules = Q(percent__isnull=False) | Q(exhausted_windows__isnull=False)
    _watch_everyone_with_units(now)
    due = (
        UsageAlertSettings.objects.annotate(
            windows_due=time - OPEN_AFTER_END - WINDOW,
            days_due=TruncDate(time - OPEN_AFTER_END, tzinfo=UTC),
        )
        .filter(
            Q(days_until__lt=F("days_due")) | has_rules & Q(evaluated_until__lte=F("windows_due"))
        )
        .select_related("organization")
    )
    return sum(_raise_alerts(chosen.organization, now) for chosen in due.iterator())


def _watch_everyone_with_units(now: datetime) -> None:
    """Make the settings of organizations that have got units since the last sweep."""
    active = Lot.objects.filter(organization=OuterRef("pk"), active_units__gt=0)
    new = Organization.objects.filter(Exists(active), usage_alerts=None)
    watch_organizations((organization, organization.clock_at or now) for organization in new)


def _raise_alerts(organization: Organization, now: datetime) -> int:
    try:
        return raise_usage_alerts(organization, now=organization.clock_at or now)
    except Exception:
        logger.exception("%s: its usage alerts were not raised", organization.public_id)
        return 0
