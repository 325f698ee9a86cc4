"""The traffic of the last 30 days by window, all projects and pools together (R16)."""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from django.db.models import BigIntegerField, F, Func, QuerySet, Sum, Value
from django.db.models.functions import Greatest

from accounts.models import Organization
from capacity.models import Snapshot
from capacity.usage.domain.replay import Traffic
from capacity.usage.domain.windows import WINDOW, WINDOWS_OF_DAY, window_of
from capacity.usage.models import UsageDemand, UsageMinute
from capacity.usage.queries.coverage import closed_until_now

DAYS = 30
WINDOWS = DAYS * WINDOWS_OF_DAY
"""The last 30 days: the windows that end with the present one."""


UNCACHED = F("input_tokens") - F("cached_tokens")

Row = tuple[int, int, int, int, int]
"""A snapshot, the number of a window, and its tokens in the order of `Tokens`."""


class WindowNumber(Func):
    """The number of the window of an instant: as `domain.windows.window_number` counts."""

    template = f"(extract(epoch FROM %(expressions)s)::bigint / {WINDOW // timedelta(seconds=1)})"
    output_field = BigIntegerField()


def past_traffic(organization: Organization, snapshot: Snapshot, *, now: datetime) -> Traffic:
    """Return the tokens of each of the windows with traffic; requests that opted out are left out.

    `now` is the organization's time.
    """
    return past_traffic_by_snapshot(organization, [snapshot.pk], now=now)[snapshot.pk]


def past_traffic_by_snapshot(
    organization: Organization, snapshots: Collection[int], *, now: datetime
) -> dict[int, Traffic]:
    """Return what `past_traffic` does for each of several snapshots, given by primary key.

    Closed windows are read as one row each. Only those of about the last hour, which are still
    open, are summed from minutes.
    """
    last = window_of(now)
    first = last - (WINDOWS - 1) * WINDOW
    rows = {"organization": organization, "snapshot__in": snapshots}
    traffic: dict[int, list[tuple[int, int, int, int]]] = {key: [] for key in snapshots}
    minutes = UsageMinute.objects.filter(**rows)
    for snapshot, number, *sums in _open(organization, minutes, first, last):
        uncached, cached, output = map(int, sums)
        traffic[snapshot].append((number, uncached, cached, output))
    # A window that has closed since is found twice, and counts once.
    known = {key: {window[0] for window in windows} for key, windows in traffic.items()}
    closed = _closed(UsageDemand.objects.filter(**rows), first, last)
    for snapshot, number, uncached, cached, output in closed:
        if number not in known[snapshot]:
            traffic[snapshot].append((number, uncached, cached, output))
    return {**traffic}


def _closed(
    demand: QuerySet[UsageDemand], first: datetime, last: datetime
) -> QuerySet[UsageDemand, Row]:
    """Return the closed ones of the windows from `first` to `last`."""
    number = WindowNumber("starts_at")
    return demand.filter(starts_at__range=(first, last)).values_list(
        "snapshot_id", number, UNCACHED, "cached_tokens", "output_tokens"
    )


def _open(
    organization: Organization, minutes: QuerySet[UsageMinute], first: datetime, last: datetime
) -> QuerySet[Any, Any]:
    """Return the open ones of the windows from `first` to `last`, summed from their minutes."""
    start = Greatest(closed_until_now(organization), Value(first))
    return (
        minutes.filter(minute__gte=start, minute__lt=last + WINDOW, opted_out=False)
        .order_by()
        .annotate(number=WindowNumber("minute"))
        .values_list("snapshot_id", "number")
        .annotate(
            all_uncached=Sum(UNCACHED),
            all_cached=Sum("cached_tokens"),
            all_output=Sum("output_tokens"),
        )
    )
