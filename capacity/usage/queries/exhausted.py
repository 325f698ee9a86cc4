"""Exhausted windows: which, how often, and for how long (R14)."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.db.models import Count, F, Min, Q, QuerySet, Sum
from django.db.models.functions import Trunc

from accounts.models import Organization
from capacity.models import Pool
from capacity.usage.domain.windows import MINUTE, window_of
from capacity.usage.models import DEFAULT_POOL, ExhaustedWindow
from capacity.usage.queries.selection import Selection
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
    """An exhausted window with its pool."""

    window: ExhaustedWindow
    pool: Pool
    is_open: bool = False


def exhausted_windows(
    organization: Organization, selection: Selection, *, start: datetime
) -> QuerySet[ExhaustedWindow]:
    """Return the exhausted ones of the windows that are closed and end after `start`."""
    rows = ExhaustedWindow.objects.filter(
        organization=organization, starts_at__gte=window_of(start)
    )
    return selection.exhausted(rows)


def exhausted_by_bucket(
    organization: Organization, selection: Selection, usage: Usage, view: View
) -> Mapping[datetime, Exhausted]:
    """Return how often and how long capacity was exhausted, by the start of a bucket of a view.

    A window counts once for each pool and kind of unit whose allowance was not enough in it.
    """
    found: defaultdict[datetime, Exhausted] = defaultdict(Exhausted)
    for window in usage.open_exhausted:
        for bucket, minutes in _of_open(window, view):
            found[bucket] += Exhausted(1, minutes, window)
    if view != View.MINUTES:
        rows = exhausted_windows(organization, selection, start=usage.buckets[0].start)
        for bucket, exhausted in _of_closed(rows, view):
            found[bucket] += exhausted
    return found


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


def pools_of(
    organization: Organization, windows: Iterable[ExhaustedWindow]
) -> Mapping[tuple[int, int], Pool]:
    """Return the pools of windows, by the primary key of the snapshot and `pool_id`."""
    keys = {(window.snapshot_id, window.pool_id) for window in windows}
    if not keys:
        return {}
    wanted = Q(pk__in=[pool for _, pool in keys if pool != DEFAULT_POOL]) | Q(
        is_default=True, snapshot__in=[snapshot for snapshot, pool in keys if pool == DEFAULT_POOL]
    )
    rows = Pool.objects.filter(wanted, organization=organization).select_related("snapshot")
    return {(pool.snapshot_id, DEFAULT_POOL if pool.is_default else pool.pk): pool for pool in rows}


def shown(
    windows: Sequence[ExhaustedWindow], pools: Mapping[tuple[int, int], Pool], *, is_open: bool
) -> list[ShownWindow]:
    """Return windows with their pools."""
    return [
        ShownWindow(window, pools[window.snapshot_id, window.pool_id], is_open)
        for window in windows
    ]
