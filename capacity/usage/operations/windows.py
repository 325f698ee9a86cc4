"""Closing windows: their coverage is computed once more, stored, and never changes again (R14)."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models import OuterRef, Subquery

from accounts.models import Organization
from accounts.operations.days import bring_up_to_date
from capacity.usage.domain.windows import closed_until
from capacity.usage.models import (
    ExhaustedWindow,
    OrganizationUsage,
    UsageDay,
    UsageMinute,
    UsageWindow,
)
from capacity.usage.queries.coverage import windows_of_minutes
from common.instants import midnight

Group = tuple[int, int, int, bool]
"""Snapshot, project and pool by primary key, and whether capacity was declined."""

SUMS = UsageDay.SUMS
"""The sums of a day. Those of a window are the first of them."""
KEYS = ("snapshot_id", "project_id", "pool_id", "opted_out")
TYPES = ("bigint", "bigint", "bigint", "boolean")


def lock_usage(organization: Organization, *, now: datetime) -> OrganizationUsage:
    """Lock the usage of an organization until the transaction ends, with all due windows closed.

    Whoever writes usage does it under this lock, so that an event is either in its window before it
    closes, or late. `now` is the organization's time. After an outage `close_due_windows` comes
    first: it does the same work in transactions that are bounded.
    """
    usage = _lock(organization, now)
    _close_until(usage, closed_until(now))
    return usage


def close_due_windows(organization: Organization, *, now: datetime) -> datetime | None:
    """Close every window that is due by `now`, the organization's time. Repeating it does nothing.

    Each service day has its own transaction, however long nobody has closed any: what was closed
    before a crash stays closed. Windows without traffic need no closing, so without any nothing is
    locked or written. Due service days are opened first: units that end with one of them allow
    nothing in its windows, and what a window covered never changes (R7). Returns the time from
    which on minutes are not summed in closed windows; None if nothing was ever used.
    """
    bring_up_to_date(organization=organization, now=now)
    due = closed_until(now)
    minutes = UsageMinute.objects.filter(
        organization=OuterRef("organization"), minute__gte=OuterRef("closed_until"), minute__lt=due
    )
    first_due = Subquery(minutes.order_by("minute").values("minute")[:1])
    rows = OrganizationUsage.objects.filter(organization=organization)
    while (usage := rows.annotate(first_due=first_due).first()) and usage.first_due:
        with transaction.atomic(durable=True):
            end = midnight(usage.first_due.date() + timedelta(days=1))
            _close_until(_lock(organization, now), min(due, end))
    return usage.closed_until if usage else None


def _lock(organization: Organization, now: datetime) -> OrganizationUsage:
    OrganizationUsage.objects.bulk_create(
        [OrganizationUsage(organization=organization, closed_until=closed_until(now))],
        ignore_conflicts=True,
    )
    usage = OrganizationUsage.objects.select_for_update().get(organization=organization)
    usage.organization = organization
    return usage


def _close_until(usage: OrganizationUsage, end: datetime) -> None:
    """Close the windows that start before `end`; never open one again."""
    assert connection.in_atomic_block, "usage is written in one transaction"
    if usage.closed_until < end:
        _close(usage.organization, start=usage.closed_until, end=end)
        usage.closed_until = end
        usage.save(update_fields=["closed_until"])


def _close(organization: Organization, *, start: datetime, end: datetime) -> None:
    windows: defaultdict[tuple[datetime, Group], list[int]] = defaultdict(lambda: [0] * len(SUMS))
    exhausted = []
    for window in windows_of_minutes(organization, start=start, end=end):
        exhausted += [
            ExhaustedWindow.of(organization, window.snapshot, window.start, exhaustion)
            for exhaustion in window.exhaustions()
        ]
        for covered, weighted in window.covered():
            use = covered.use
            group = (window.snapshot, use.project, use.pool, use.opted_out)
            add(
                windows[window.start, group],
                (
                    use.requests,
                    use.input_tokens,
                    use.cached_tokens,
                    use.output_tokens,
                    weighted,
                    covered.input_tokens,
                    covered.output_tokens,
                    covered.weighted,
                    0,  # Nothing is late.
                    0,
                    covered.used_input,
                    covered.used_output,
                ),
            )
    add_to_windows_and_days(organization, windows)
    ExhaustedWindow.objects.bulk_create(exhausted)


def add(sums: list[int], values: Sequence[int]) -> None:
    """Add values to sums, in place; sums without a value stay."""
    for position, value in enumerate(values):
        sums[position] += value


def add_to_windows_and_days(
    organization: Organization, windows: Mapping[tuple[datetime, Group], Sequence[int]]
) -> None:
    """Add the sums of groups to closed windows and to their days; the order of sums is `SUMS`."""
    days: defaultdict[tuple[date, Group], list[int]] = defaultdict(lambda: [0] * len(SUMS))
    for (window, group), sums in windows.items():
        add(days[window.date(), group], sums)
    of_windows = {key: sums[: len(UsageWindow.SUMS)] for key, sums in windows.items()}
    add_rows(UsageWindow, organization, "starts_at", "timestamptz", of_windows, UsageWindow.SUMS)
    add_rows(UsageDay, organization, "day", "date", days, SUMS)


def add_rows(
    model: type[UsageMinute | UsageWindow | UsageDay],
    organization: Organization,
    time: str,
    time_type: str,
    rows: Mapping[tuple[Any, Group], Sequence[int]],
    sums: Iterable[str],
    /,
) -> None:
    """Insert rows in one statement, or add to those that exist."""
    if not rows:
        return
    keys, names = (time, *KEYS), list(sums)
    types = [time_type, *TYPES, *("bigint" for _ in names)]
    ordered = sorted(rows.items())
    columns = zip(*((at, *group, *values) for (at, group), values in ordered), strict=True)
    table = model._meta.db_table
    listed = ", ".join((*keys, *names))
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            INSERT INTO {table} (organization_id, {listed})
            SELECT %s, {listed}
            FROM unnest({", ".join(f"%s::{of_type}[]" for of_type in types)}) AS due ({listed})
            ON CONFLICT (organization_id, {", ".join(keys)}) DO UPDATE
            SET {", ".join(f"{name} = {table}.{name} + excluded.{name}" for name in names)}
            """,  # noqa: S608 - names of our own tables and columns
            [organization.pk, *(list(column) for column in columns)],
        )
