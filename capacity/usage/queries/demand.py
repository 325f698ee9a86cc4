"""The traffic of the last 30 days by window, all projects and pools together (R16)."""

from collections.abc import Collection
from datetime import datetime

from django.db.models import Subquery

from accounts.models import Organization
from capacity.models import Snapshot
from capacity.usage.domain.replay import Tokens
from capacity.usage.domain.windows import WINDOW, WINDOWS_OF_DAY, window_of
from capacity.usage.models import OrganizationUsage, UsageDemand, UsageMinute

DAYS = 30
WINDOWS = DAYS * WINDOWS_OF_DAY
"""The last 30 days: the windows that end with the present one."""

COLUMNS = ("input_tokens", "cached_tokens", "output_tokens")


def past_traffic(
    organization: Organization, snapshot: Snapshot, *, now: datetime
) -> dict[datetime, Tokens]:
    """Return the tokens of each of the windows with traffic; requests that opted out are left out.

    `now` is the organization's time.
    """
    return past_traffic_by_snapshot(organization, [snapshot.pk], now=now)[snapshot.pk]


def past_traffic_by_snapshot(
    organization: Organization, snapshots: Collection[int], *, now: datetime
) -> dict[int, dict[datetime, Tokens]]:
    """Return what `past_traffic` does for each of several snapshots, given by primary key.

    Closed windows are read as one row each. Only those of about the last hour, which are still
    open, are summed from minutes.
    """
    last = window_of(now)
    first = last - (WINDOWS - 1) * WINDOW
    of_snapshots = {"organization": organization, "snapshot__in": snapshots}
    traffic: dict[int, dict[datetime, Tokens]] = {snapshot: {} for snapshot in snapshots}
    closed = UsageDemand.objects.filter(**of_snapshots, starts_at__range=(first, last))
    for snapshot, start, tokens, cached, output in closed.values_list(
        "snapshot_id", "starts_at", *COLUMNS
    ):
        traffic[snapshot][start] = Tokens(tokens - cached, cached, output)
    open_from = OrganizationUsage.objects.filter(organization=organization).values("closed_until")
    still_open = UsageMinute.objects.filter(
        **of_snapshots, minute__gte=Subquery(open_from), minute__lt=last + WINDOW, opted_out=False
    )
    for snapshot, minute, tokens, cached, output in still_open.values_list(
        "snapshot_id", "minute", *COLUMNS
    ):
        if minute >= first:
            windows, start = traffic[snapshot], window_of(minute)
            so_far = windows.get(start, Tokens())
            windows[start] = so_far.plus(Tokens(tokens - cached, cached, output))
    return traffic
