"""The traffic of the last 30 days by window, all projects and pools together (R16)."""

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from typing import Any

from django.db.models import BigIntegerField, F, Func, Subquery, Sum, Value
from django.db.models.functions import Greatest

from accounts.models import Organization
from capacity.models import Snapshot
from capacity.usage.domain.replay import Traffic
from capacity.usage.domain.windows import WINDOW, WINDOWS_OF_DAY, window_of
from capacity.usage.models import OrganizationUsage, UsageDemand, UsageMinute

DAYS = 30
WINDOWS = DAYS * WINDOWS_OF_DAY
"""The last 30 days: the windows that end with the present one."""


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
    of_snapshots = {"organization": organization, "snapshot__in": snapshots}
    uncached = F("input_tokens") - F("cached_tokens")
    closed = UsageDemand.objects.filter(**of_snapshots, starts_at__range=(first, last))
    rows = closed.values_list(
        "snapshot_id", WindowNumber("starts_at"), uncached, "cached_tokens", "output_tokens"
    )
    open_from = OrganizationUsage.objects.filter(organization=organization).values("closed_until")
    still_open: Iterable[Any] = (
        UsageMinute.objects.filter(
            **of_snapshots,
            minute__gte=Greatest(Subquery(open_from), Value(first)),
            minute__lt=last + WINDOW,
            opted_out=False,
        )
        .order_by()
        .annotate(number=WindowNumber("minute"))
        .values_list("snapshot_id", "number")
        .annotate(
            all_uncached=Sum(uncached),
            all_cached=Sum("cached_tokens"),
            all_output=Sum("output_tokens"),
        )
    )
    traffic: dict[int, list[tuple[int, int, int, int]]] = {key: [] for key in snapshots}
    for snapshot, number, *tokens in rows:
        traffic[snapshot].append((number, *tokens))
    for snapshot, number, *sums in still_open:
        a, b, c = map(int, sums)
        traffic[snapshot].append((int(number), a, b, c))
    return {**traffic}
