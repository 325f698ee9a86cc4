"""Usage by day, by window or by minute: what capacity covered, and what it did not (R14)."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any

from django.db.models import QuerySet, Subquery, Sum

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
from capacity.usage.models import ExhaustedWindow, OrganizationUsage, UsageDay, UsageWindow
from capacity.usage.queries.coverage import WindowMinutes, windows_of_minutes
from capacity.usage.queries.entitlement import Entitlement, entitlement
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
    steps = list(entitled.of_kind(kind, counted))
    buckets = {
        start: Bucket(start, entitlement=sum(each.tokens(start, start + step) for each in steps))
        for start in starts
    }
    open_windows = _open(organization, counted, entitled)
    for start, requests, tokens, covered in (
        *_closed(organization, view, wanted, starts[0]),
        *_minutes(open_windows, view, wanted),
    ):
        if start in buckets:
            buckets[start] = buckets[start].plus(requests, tokens, covered)
    return Usage(
        int(step.total_seconds()),
        list(buckets.values()),
        as_of=now,
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


def _bucket_of(view: View, minute: datetime) -> datetime:
    if view == View.DAYS:
        return midnight(minute.date())
    return window_of(minute) if view == View.WINDOWS else minute


Row = tuple[datetime, int, int, int]
"""The start of a bucket; requests, tokens, and covered tokens."""


def _closed(
    organization: Organization, view: View, wanted: Selection, start: datetime
) -> Iterator[Row]:
    """Yield what closed windows hold. Minutes of closed windows are older than 15 minutes."""
    if view == View.MINUTES:
        return
    rows: QuerySet[Any, Any]
    if view == View.DAYS:
        rows = UsageDay.objects.filter(day__gte=start.date()).values_list("day")
    else:
        rows = UsageWindow.objects.filter(starts_at__gte=start).values_list("starts_at")
    tokens, covered = TOKENS[wanted.kind]
    sums = (
        wanted.rows(rows.filter(organization=organization))
        .order_by()
        .annotate(all_requests=Sum("requests"), all_tokens=Sum(tokens), all_covered=Sum(covered))
    )
    for at, *values in sums:
        requests, total, paid = (int(value) for value in values)
        yield at if isinstance(at, datetime) else midnight(at), requests, total, paid


def _open(
    organization: Organization, counted: Snapshots, entitled: Entitlement
) -> list[WindowMinutes]:
    """Return the windows of snapshots that are not closed, whose coverage is computed now."""
    state = OrganizationUsage.objects.filter(organization=organization)
    return list(
        windows_of_minutes(
            organization,
            start=Subquery(state.values("closed_until")),
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
