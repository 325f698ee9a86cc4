"""Exhausted windows: which, how often, and for how long (R14)."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.db.models import Count, F, Min, QuerySet, Sum
from django.db.models.functions import Trunc

from accounts.models import Organization
from capacity.usage.domain.windows import MINUTE, window_of
from capacity.usage.models import ExhaustedWindow
from capacity.usage.queries.selection import Selection
from capacity.usage.queries.snapshots import Snapshots, UsedPool, UsedSnapshot
from capacity.usage.queries.usage import Usage, View
from common.instants import midnight


@dataclass(frozen=True, slots=True)
class Exhausted:
    """How many windows were exhausted in a time, and for how many minutes altogether."""

    windows: int = 0
    minutes: int = 0
    only: ExhaustedWindow | None = None
    """The window if it is only one."""

    def __add__(self, other: "Exhausted") -> "Exhausted":
        windows = self.windows + other.windows
        only = (self.only or other.only) if windows == 1 else None
        return Exhausted(windows, self.minutes + other.minutes, only)


@dataclass(frozen=True, slots=True)
class ShownWindow:
    """An exhausted window with its snapshot and pool."""

    window: ExhaustedWindow
    snapshot: UsedSnapshot
    pool: UsedPool
    is_open: bool = False

    @property
    def over_percent(self) -> str:
        """Return what went over in percent of the allowance, rounded; what is little as such."""
        percent = self.window.over * 100 / self.window.allowance
        return f"{percent:,.0f}%" if percent >= 1 else "under 1%"


def exhausted_windows(
    organization: Organization, selection: Selection, usage: Usage
) -> QuerySet[ExhaustedWindow]:
    """Return the exhausted ones of the closed windows of a view."""
    start = window_of(usage.buckets[0].start)
    rows = ExhaustedWindow.objects.filter(organization=organization, starts_at__gte=start)
    if usage.closed_until:  # What has closed since is among the open ones of the view.
        rows = rows.filter(starts_at__lt=usage.closed_until)
    return selection.exhausted(rows)


def exhausted_by_bucket(
    organization: Organization, selection: Selection, usage: Usage, view: View
) -> Mapping[datetime, Exhausted]:
    """Return how often and how long capacity was exhausted, by the start of each bucket of a view.

    A window counts once for each pool and kind of unit whose allowance was not enough in it.
    """
    found: defaultdict[datetime, Exhausted] = defaultdict(Exhausted)
    for window in usage.open_exhausted:
        for bucket, minutes in _of_open(window, view):
            found[bucket] += Exhausted(1, minutes, window)
    if view != View.MINUTES:
        rows = exhausted_windows(organization, selection, usage)
        for bucket, exhausted in _of_closed(rows, view):
            found[bucket] += exhausted
    return {bucket.start: found[bucket.start] for bucket in usage.buckets}


def _of_open(window: ExhaustedWindow, view: View) -> Iterator[tuple[datetime, int]]:
    minutes = window.minutes or 0
    if view == View.DAYS:
        yield midnight(window.starts_at.date()), minutes
    elif view == View.WINDOWS:
        yield window.starts_at, minutes
    else:
        for number in range(1, minutes + 1):
            yield window.ends_at - number * MINUTE, 1


def _of_closed(rows: QuerySet[ExhaustedWindow], view: View) -> Iterator[tuple[datetime, Exhausted]]:
    bucket: Any = F("starts_at")
    if view == View.DAYS:
        bucket = Trunc("starts_at", "day", tzinfo=UTC)
    one_of = ("starts_at", "snapshot_id", "pool_id", "kind")
    sums = (
        rows.order_by()
        .annotate(bucket=bucket)
        .values_list("bucket")
        .annotate(Count("starts_at"), Sum("minutes"), *(Min(name) for name in one_of))
    )
    for start, windows, minutes, *key in sums:
        only = ExhaustedWindow(**dict(zip(one_of, key, strict=True))) if windows == 1 else None
        yield start, Exhausted(windows, minutes or 0, only)


def shown(
    windows: Sequence[ExhaustedWindow], snapshots: Snapshots, *, is_open: bool = False
) -> list[ShownWindow]:
    """Return windows with their pools."""
    return [
        ShownWindow(window, snapshot, snapshot.pools[window.pool_id], is_open)
        for window in windows
        for snapshot in [snapshots[window.snapshot_id]]
    ]
