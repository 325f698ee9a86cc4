"""Usage by day, by window or by minute: what capacity covered, and what it did not (R14)."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any

from django.db.models import QuerySet, Sum

from accounts.models import Organization, Project
from capacity.models import Kind
from capacity.usage.domain.windows import (
    MINUTE,
    MINUTES_OF_WINDOW,
    WINDOW,
    WINDOWS_OF_DAY,
    closed_until,
    minute_of,
    window_of,
)
from capacity.usage.models import ExhaustedWindow, UsageDay, UsageWindow
from capacity.usage.queries.coverage import WindowMinutes, closed_until_now, windows_of_minutes
from capacity.usage.queries.entitlement import Entitlement, Steps, entitlement
from capacity.usage.queries.selection import TOKENS, Selection
from capacity.usage.queries.snapshots import Snapshots, used_snapshots
from common.instants import midnight

DAY = timedelta(days=1)


class View(StrEnum):
    """How far back the usage is shown, and in which steps."""

    DAYS = "30d"
    WINDOWS = "1d"
    MINUTES = "15m"


@dataclass(frozen=True, slots=True)
class Bucket:
    """One step of a view, in tokens; `scale` is what capacity covered, `account` all other."""

    start: datetime
    scale: int = 0
    account: int = 0
    entitlement: int = 0
    requests: int = 0

    @property
    def tokens(self) -> int:
        return self.scale + self.account

    def plus(self, requests: int, tokens: int, covered: int) -> "Bucket":
        """Return the bucket with more requests and tokens, of which capacity covered some."""
        return replace(
            self,
            scale=self.scale + covered,
            account=self.account + tokens - covered,
            requests=self.requests + requests,
        )


@dataclass(frozen=True, slots=True)
class Usage:
    """The buckets of a view, the oldest first; the last is the present one."""

    bucket_seconds: int
    buckets: Sequence[Bucket]
    as_of: datetime
    closed_until: datetime | None = None
    """Windows that start before were read as closed; None where none of them has traffic."""
    open_exhausted: Sequence[ExhaustedWindow] = ()
    """The exhausted windows that can still change, the newest first; they are not stored."""
    has_due: bool = False
    """Whether a window that counts as open is due to be closed."""

    @property
    def totals(self) -> Mapping[str, int]:
        """Return the sums of all buckets."""
        names = ("scale", "account", "entitlement", "requests")
        return {name: sum(getattr(bucket, name) for bucket in self.buckets) for name in names}

    @property
    def covered_percent(self) -> Decimal | None:
        """Return the percentage of tokens that capacity covered, rounded down; None without any."""
        totals = self.totals
        tokens = totals["scale"] + totals["account"]
        return Decimal(totals["scale"] * 1000 // tokens) / 10 if tokens else None


def usage(
    organization: Organization,
    *,
    view: View,
    now: datetime,
    kind: Kind = Kind.INPUT,
    model: str | None = None,
    project: Project | None = None,
    snapshots: Snapshots | None = None,
) -> Usage:
    """Return the usage up to `now`, the organization's time.

    `snapshots` are read unless they are given. `kind` combined counts weighted tokens of snapshots
    that are sold so. The entitlement is that of units of the kind: of a day, of a window, or a
    minute's share of its window.
    """
    wanted = Selection(kind, model, project)
    starts, step = _starts(view, now)
    counted = wanted.snapshots(snapshots or used_snapshots(organization))
    entitled = entitlement(organization)
    closed = _closed(organization, view, wanted, starts[0])
    open_windows = _open(organization, closed.until, counted, entitled)
    buckets = _entitled_buckets(starts, step, entitled.of_kind(kind, counted))
    for start, requests, tokens, covered in (*closed.rows, *_minutes(open_windows, view, wanted)):
        if start in buckets:
            buckets[start] = buckets[start].plus(requests, tokens, covered)
    return Usage(
        int(step.total_seconds()),
        list(buckets.values()),
        as_of=now,
        closed_until=closed.until,
        open_exhausted=_exhausted(organization, open_windows, wanted, starts[0]),
        has_due=any(window.start < closed_until(now) for window in open_windows),
    )


def _starts(view: View, now: datetime) -> tuple[list[datetime], timedelta]:
    """Return the starts of the buckets of a view, and the length of one."""
    last, step, count = {
        View.DAYS: (midnight(now.date()), DAY, 30),
        View.WINDOWS: (window_of(now), WINDOW, WINDOWS_OF_DAY),
        View.MINUTES: (minute_of(now), MINUTE, MINUTES_OF_WINDOW),
    }[view]
    return [last - number * step for number in reversed(range(count))], step


def _entitled_buckets(
    starts: Sequence[datetime], step: timedelta, entitled: Iterable[Steps]
) -> dict[datetime, Bucket]:
    """Return empty buckets with their entitlement, by start."""
    steps = list(entitled)
    return {
        start: Bucket(start, entitlement=sum(each.tokens(start, start + step) for each in steps))
        for start in starts
    }


def _bucket_of(view: View, minute: datetime) -> datetime:
    if view == View.DAYS:
        return midnight(minute.date())
    return window_of(minute) if view == View.WINDOWS else minute


Row = tuple[datetime, int, int, int]
"""The start of a bucket; requests, tokens, and covered tokens."""


@dataclass(frozen=True, slots=True)
class _Closed:
    """What closed windows hold, and up to when windows were closed when it was read."""

    rows: Sequence[Row] = ()
    until: datetime | None = None


def _closed(organization: Organization, view: View, wanted: Selection, start: datetime) -> _Closed:
    """Return what closed windows hold. Minutes of closed windows are older than 15 minutes.

    One statement says it all, so that a window that closes meanwhile counts once: here, or open.
    """
    if view == View.MINUTES:
        return _Closed()
    rows: QuerySet[Any, Any]
    if view == View.DAYS:
        rows, time = UsageDay.objects.filter(day__gte=start.date()), "day"
    else:
        rows, time = UsageWindow.objects.filter(starts_at__gte=start), "starts_at"
    tokens, covered = TOKENS[wanted.kind]
    sums = (
        wanted.rows(rows.filter(organization=organization))
        .order_by()
        .annotate(until=closed_until_now(organization))
        .values_list(time, "until")
        .annotate(all_requests=Sum("requests"), all_tokens=Sum(tokens), all_covered=Sum(covered))
    )
    found, until = [], None
    for at, until, *values in sums:  # noqa: B007 - it is the same in each row
        requests, total, paid = map(int, values)
        found.append((at if isinstance(at, datetime) else midnight(at), requests, total, paid))
    return _Closed(found, until)


def _open(
    organization: Organization, until: datetime | None, counted: Snapshots, entitled: Entitlement
) -> list[WindowMinutes]:
    """Return the windows of snapshots that are not closed, whose coverage is computed now."""
    return list(
        windows_of_minutes(
            organization,
            start=until or closed_until_now(organization),
            entitled=entitled,
            weights={key: snapshot.weights for key, snapshot in counted.items()},
        )
    )


def _minutes(windows: Sequence[WindowMinutes], view: View, wanted: Selection) -> Iterator[Row]:
    for window in windows:
        for row, weighted in window.covered():
            if wanted.has(row.use):
                tokens, covered = wanted.tokens(row, weighted)
                yield _bucket_of(view, row.use.minute), row.use.requests, tokens, covered


def _exhausted(
    organization: Organization,
    windows: Sequence[WindowMinutes],
    wanted: Selection,
    start: datetime,
) -> list[ExhaustedWindow]:
    """Return the exhausted ones of open windows that are counted and end after `start`."""
    found = [
        ExhaustedWindow.of(organization, window.snapshot, window.start, exhaustion)
        for window in windows
        for exhaustion in window.exhaustions()
        if wanted.has_exhaustion(exhaustion, window.uses) and window.start + WINDOW > start
    ]
    return sorted(found, key=lambda window: window.starts_at, reverse=True)
