"""Usage by day, by window or by minute: what capacity covered, and what it did not (R14)."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any

from django.db.models import QuerySet, Sum

from accounts.models import Organization, Project
from capacity.models import Kind, Snapshot
from capacity.usage.domain.windows import (
    MINUTE,
    MINUTES_OF_WINDOW,
    WINDOW,
    WINDOWS_OF_DAY,
    minute_of,
    window_of,
)
from capacity.usage.models import OrganizationUsage, UsageDay, UsageWindow
from capacity.usage.queries.coverage import covered_minutes
from capacity.usage.queries.entitlement import entitlement
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


@dataclass(frozen=True, slots=True)
class _Filter:
    """Which usage is counted, and which tokens of it."""

    kind: Kind
    model: str | None
    project: Project | None

    def rows(self, rows: QuerySet[Any, Any]) -> QuerySet[Any, Any]:
        """Return the rows of days or windows that are counted."""
        if self.model is not None:
            rows = rows.filter(snapshot__model=self.model)
        if self.project is not None:
            rows = rows.filter(project_id=self.project.pk)
        if self.kind == Kind.COMBINED:
            rows = rows.filter(snapshot__token_units__kind=Kind.COMBINED)
        return rows

    def snapshots(self) -> set[int]:
        """Return the primary keys of the snapshots that are counted."""
        rows = Snapshot.objects.all()
        if self.model is not None:
            rows = rows.filter(model=self.model)
        if self.kind == Kind.COMBINED:
            rows = rows.filter(token_units__kind=Kind.COMBINED)
        return set(rows.values_list("pk", flat=True))


TOKENS = {
    Kind.INPUT: ("input_tokens", "covered_input"),
    Kind.OUTPUT: ("output_tokens", "covered_output"),
    Kind.COMBINED: ("weighted_tokens", "covered_weighted"),
}
"""The columns of all tokens and of the covered ones."""


def usage(
    organization: Organization,
    *,
    view: View,
    now: datetime,
    kind: Kind = Kind.INPUT,
    model: str | None = None,
    project: Project | None = None,
) -> Usage:
    """Return the usage up to `now`, the organization's time; due windows are closed.

    `kind` combined counts weighted tokens of snapshots that are sold so. The entitlement is that of
    units of the kind: of a day, of a window, or a minute's share of its window.
    """
    wanted = _Filter(kind, model, project)
    starts, step = _starts(view, now)
    entitled = list(entitlement(organization, model=model).of_kind(kind))
    buckets = {
        start: Bucket(
            start, entitlement=sum(steps.tokens(start, start + step) for steps in entitled)
        )
        for start in starts
    }
    for start, requests, tokens, covered in (
        *_closed(organization, view, wanted, starts[0]),
        *_open(organization, view, wanted),
    ):
        if start in buckets:
            buckets[start] = buckets[start].plus(requests, tokens, covered)
    return Usage(int(step.total_seconds()), list(buckets.values()), as_of=now)


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
    organization: Organization, view: View, wanted: _Filter, start: datetime
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


def _open(organization: Organization, view: View, wanted: _Filter) -> Iterator[Row]:
    """Yield the minutes of open windows, whose coverage is computed now."""
    state = OrganizationUsage.objects.filter(organization=organization).first()
    if state is None:
        return
    snapshots = wanted.snapshots()
    for snapshot, row, weighted in covered_minutes(organization, start=state.closed_until):
        of_project = wanted.project is None or row.use.project == wanted.project.pk
        if snapshot in snapshots and of_project:
            tokens, covered = {
                Kind.INPUT: (row.use.input_tokens, row.input_tokens),
                Kind.OUTPUT: (row.use.output_tokens, row.output_tokens),
                Kind.COMBINED: (weighted, row.weighted),
            }[wanted.kind]
            yield _bucket_of(view, row.use.minute), row.use.requests, tokens, covered
