"""The real Celery worker is killed with SIGKILL while it closes windows and raises alerts (R14).

A lock holds it up in the middle of a transaction, each time at another table, until it is killed.
"""

import subprocess
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from operator import add
from time import monotonic

import pytest
from celery import Task
from django.db import connection, transaction
from django.utils import timezone

from accounts.models import Organization, OutboundEmail
from accounts.operations.projects import create_project
from capacity.models import TokenUnit
from capacity.usage.domain.windows import window_of
from capacity.usage.models import (
    ExhaustedWindow,
    OrganizationUsage,
    UsageAlert,
    UsageAlertSettings,
    UsageDay,
    UsageDemand,
    UsageMail,
    UsageMinute,
    UsageWindow,
)
from capacity.usage.queries.usage import View, usage
from capacity.usage.tasks import close_windows, raise_alerts
from common.instants import midnight
from scaletier.celery import app
from tests.cast import GROK, load_catalogue, make_acme
from tests.crash.workers import (
    POLL_SECONDS,
    give_time,
    kill_all,
    kill_processes,
    running_worker,
)

pytestmark = pytest.mark.django_db(transaction=True)

ORGANIZATIONS, DAYS = 2, 6
TIMEOUT_SECONDS = 60.0
SWEEP_SECONDS = 0.5

TABLES = ("usage_usagewindow", "usage_usagedemand", "usage_usageday", "usage_exhaustedwindow")
"""What a transaction that closes windows writes."""

# Two projects, every third minute, up to 90,000 input tokens: a unit covers most of it.
ADD_MINUTES = """
    INSERT INTO usage_usageminute (organization_id, minute, snapshot_id, project_id, pool_id,
        opted_out, requests, input_tokens, cached_tokens, output_tokens)
    SELECT organization_id, minute, %(snapshot)s, accounts_project.id, 0, false, 1,
        (extract(epoch FROM minute)::bigint / 60 * (7919 + accounts_project.id)) %% 90001, 0, 10
    FROM accounts_project,
        generate_series(%(start)s, %(end)s - interval '3 minutes', interval '3 minutes') minute
"""

IS_WAITED_FOR = """
    SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND relation = %s::regclass)
"""

Key = tuple[int, datetime, int]
"""An organization, the start of a window, and a project."""


def test_windows_close_once_however_often_the_worker_is_killed() -> None:
    end = midnight(timezone.now().date() - timedelta(days=1))  # Everything before is due.
    allowance = _populate(end - timedelta(days=DAYS), end)
    app.control.purge()
    for first, second in (TABLES[:2], TABLES[2:]):
        with running_worker() as worker:
            with _held_up_at(first, worker):
                kill_processes(worker)  # It starts new ones, which begin anew.
            with _held_up_at(second, worker):
                kill_all(worker)
    assert not _all_closed(end)
    with running_worker() as worker:
        _close_the_rest(worker, end)
        with _held_up_at("usage_usagealert", worker, raise_alerts):
            kill_processes(worker)
        assert not UsageAlert.objects.exists()
        _repeat(worker, raise_alerts, until=_all_are_alerted)
    _compare(_reference(allowance), allowance, end)
    _compare_alerts()


def _populate(start: datetime, end: datetime) -> int:
    """Create customers with one unit and traffic. Returns the allowance of a window."""
    load_catalogue()
    unit = TokenUnit.objects.get(snapshot__model=GROK, kind="input")
    founded = f"{start - timedelta(days=1):%Y-%m-%d}"
    for _ in range(ORGANIZATIONS):
        acme = make_acme(founded)
        acme.buys(founded, input=1)
        create_project(organization=acme.organization, name="Search", by=acme.alice, now=start)
        OrganizationUsage.objects.create(organization=acme.organization, closed_until=start)
        UsageAlertSettings.objects.create(
            organization=acme.organization,
            exhausted_windows=1,
            counts_from=start,
            evaluated_until=start,
            days_until=start.date(),
        )
    with connection.cursor() as cursor:
        cursor.execute(ADD_MINUTES, {"snapshot": unit.snapshot_id, "start": start, "end": end})
    return unit.tpm * 15


@contextmanager
def _held_up_at(
    table: str, worker: "subprocess.Popen[bytes]", task: "Task[[], None]" = close_windows
) -> Iterator[None]:
    """Start two sweeps, for the two processes, and let one wait before it writes to the table."""
    deadline = monotonic() + TIMEOUT_SECONDS
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"LOCK TABLE {table} IN SHARE MODE")
        for _ in range(2):
            task.delay()
        while True:
            cursor.execute(IS_WAITED_FOR, [table])
            if cursor.fetchone()[0]:
                break
            assert monotonic() < deadline
            give_time(worker, POLL_SECONDS)
        yield


def _close_the_rest(worker: "subprocess.Popen[bytes]", end: datetime) -> None:
    _repeat(worker, close_windows, until=lambda: _all_closed(end))


def _repeat(
    worker: "subprocess.Popen[bytes]", task: "Task[[], None]", *, until: Callable[[], bool]
) -> None:
    deadline = monotonic() + TIMEOUT_SECONDS
    while not until():
        assert monotonic() < deadline
        task.delay()
        give_time(worker, SWEEP_SECONDS)


def _all_closed(end: datetime) -> bool:
    return not OrganizationUsage.objects.filter(closed_until__lt=end).exists()


def _all_are_alerted() -> bool:
    alerted = UsageAlert.objects.values("organization").distinct()
    return alerted.count() == ORGANIZATIONS


def _compare_alerts() -> None:
    """Each day has one alert, of its first exhausted window, and each owner one email of them."""
    first: dict[tuple[int, date], datetime] = {}
    windows = ExhaustedWindow.objects.order_by("starts_at")
    for organization, start in windows.values_list("organization_id", "starts_at"):
        first.setdefault((organization, start.date()), start)
    alerts = UsageAlert.objects.values_list("organization_id", "starts_at")
    assert sorted(alerts) == sorted((key[0], start) for key, start in first.items())
    emails = OutboundEmail.objects.filter(kind=UsageMail.ALERTS)
    assert emails.count() == ORGANIZATIONS


def _reference(allowance: int) -> Mapping[Key, tuple[int, int, int]]:
    """Requests, input tokens and covered ones of each window, counted minute by minute."""
    minutes: defaultdict[tuple[int, datetime], dict[int, int]] = defaultdict(dict)
    rows = UsageMinute.objects.order_by("organization_id", "minute")
    for organization, minute, project, tokens in rows.values_list(
        "organization_id", "minute", "project_id", "input_tokens"
    ):
        minutes[organization, minute][project] = tokens
    left: defaultdict[tuple[int, datetime], int] = defaultdict(lambda: allowance)
    sums: defaultdict[Key, tuple[int, int, int]] = defaultdict(lambda: (0, 0, 0))
    for (organization, minute), projects in minutes.items():
        window, whole = window_of(minute), sum(projects.values())
        paid = min(left[organization, window], whole)
        left[organization, window] -= paid
        for project, tokens in projects.items():
            covered = (2 * tokens * paid + whole) // (2 * whole) if whole else 0
            before = sums[organization, window, project]
            sums[organization, window, project] = (
                before[0] + 1,
                before[1] + tokens,
                before[2] + covered,
            )
    return sums


def _compare(expected: Mapping[Key, tuple[int, int, int]], allowance: int, end: datetime) -> None:
    columns = ("organization_id", "project_id", "requests", "input_tokens", "covered_input")
    windows = UsageWindow.objects.values_list("starts_at", *columns)
    assert {(row[1], row[0], row[2]): row[3:] for row in windows} == expected
    days: defaultdict[Key, list[int]] = defaultdict(lambda: [0, 0, 0])
    demand: defaultdict[tuple[int, datetime], int] = defaultdict(int)
    for (organization, start, project), sums in expected.items():
        of_day = days[organization, midnight(start.date()), project]
        of_day[:] = map(add, of_day, sums)
        demand[organization, start] += sums[1]
    stored = UsageDay.objects.values_list("day", *columns)
    assert {(row[1], midnight(row[0]), row[2]): list(row[3:]) for row in stored} == days
    demanded = UsageDemand.objects.values_list("organization_id", "starts_at", "input_tokens")
    assert {row[:2]: row[2] for row in demanded} == demand
    over = [window for window, tokens in demand.items() if tokens > allowance]
    assert over
    exhausted = ExhaustedWindow.objects.values_list("organization_id", "starts_at")
    assert sorted(exhausted) == sorted(over)
    for customer in Organization.objects.all():
        shown = usage(customer, view=View.DAYS, now=end).totals
        own = [sums for key, sums in expected.items() if key[0] == customer.pk]
        assert shown["scale"] == sum(covered for _, _, covered in own)
        assert shown["scale"] + shown["account"] == sum(tokens for _, tokens, _ in own)
