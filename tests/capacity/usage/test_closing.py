"""Closing windows: what is stored, and how an outage is caught up (R14)."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection, transaction

from capacity.models import Kind, Snapshot, TokenUnit
from capacity.usage.domain.windows import MINUTE
from capacity.usage.models import OrganizationUsage, UsageDay, UsageMinute, UsageWindow
from capacity.usage.operations.events import UsageEvent, record_usage
from capacity.usage.operations.windows import close_due_windows
from capacity.usage.queries.demand import past_traffic
from capacity.usage.queries.exhausted import exhausted_by_bucket
from capacity.usage.queries.selection import Selection
from capacity.usage.queries.showback import billed_periods, showback
from capacity.usage.queries.usage import View, usage
from tests.cast import GROK, Acme, at

pytestmark = pytest.mark.django_db

NOON = at("2026-01-10")


def _send(acme: Acme, events: Sequence[UsageEvent], now: datetime) -> None:
    record_usage(organization=acme.organization, events=events, now=now, received_on=now.date())


def test_days_are_the_sums_of_closed_windows_and_minutes_of_open_ones_are_left(
    acme: Acme,
) -> None:
    events = [
        UsageEvent(f"{minute}", NOON + minute * MINUTE, GROK, 1_000, 10) for minute in range(60)
    ]
    _send(acme, events, NOON + timedelta(minutes=59))
    assert not UsageDay.objects.exists()
    _send(acme, [], NOON + timedelta(minutes=119))
    assert UsageWindow.objects.count() == 3
    [day] = UsageDay.objects.all()
    assert (day.requests, day.input_tokens, day.output_tokens) == (45, 45_000, 450)
    assert UsageMinute.objects.count() == 60


def test_after_an_outage_each_day_is_closed_for_itself(acme: Acme) -> None:
    OrganizationUsage.objects.create(
        organization=acme.organization, closed_until=at("2026-01-07", "00:00")
    )
    minute = {"organization": acme.organization, "project_id": 1, "pool_id": 0, "opted_out": False}
    minute |= {"requests": 1, "input_tokens": 5, "cached_tokens": 0, "output_tokens": 0}
    snapshot = TokenUnit.objects.filter(snapshot__model=GROK)[0].snapshot_id
    for day in ("2026-01-07", "2026-01-08", "2026-01-10"):
        UsageMinute.objects.create(minute=at(day), snapshot_id=snapshot, **minute)
    broken = UsageMinute.objects.filter(minute=at("2026-01-10"))
    broken.update(snapshot_id=10**9)  # Which does not exist.
    with pytest.raises(KeyError):
        close_due_windows(acme.organization, now=at("2026-01-12"))
    assert [row.day.day for row in UsageDay.objects.order_by("day")] == [7, 8]
    broken.update(snapshot_id=snapshot)
    assert close_due_windows(acme.organization, now=at("2026-01-12")) == at("2026-01-11", "00:00")
    assert [row.day.day for row in UsageDay.objects.order_by("day")] == [7, 8, 10]


def test_units_that_ended_cover_nothing_although_their_day_was_not_opened_in_time(
    acme: Acme,
) -> None:
    lot = acme.lot(acme.buys("2026-01-05", input=1))
    acme.cancels(lot, 1, "2026-01-05")
    ended_at = at("2026-02-04", "00:00")
    for before in (True, False):  # Clocks differ: it was admitted on the new day.
        event = UsageEvent(f"{before}", ended_at - before * MINUTE, GROK, 1_000, 0)
        _send(acme, [event], ended_at - timedelta(seconds=30))
    assert acme.organization.opened_until == ended_at.date()
    close_due_windows(acme.organization, now=ended_at + timedelta(hours=2))
    covered = UsageWindow.objects.order_by("starts_at").values_list("covered_input", flat=True)
    assert list(covered) == [1_000, 0]


def test_late_events_count_with_their_weights_where_combined_units_are_sold(acme: Acme) -> None:
    late = UsageEvent("late", NOON, "gpt-5.4", 1_000, 100, cached_tokens=500)
    _send(acme, [late], NOON + timedelta(hours=2))
    shown = usage(
        acme.organization, view=View.DAYS, now=NOON + timedelta(hours=2), kind=Kind.COMBINED
    )
    snapshot = Snapshot.objects.get(model="gpt-5.4")
    assert snapshot.output_weight
    weighted = 500 + 500 * snapshot.cached_weight + 100 * snapshot.output_weight
    assert (shown.totals["scale"], shown.totals["account"]) == (0, int(weighted))


@contextmanager
def _windows_close_after(statements: int, close: Callable[[], object]) -> Iterator[list[int]]:
    """Let another process close windows once so many statements were made; the list counts them."""
    made = [0]

    def execute(run: Callable[..., Any], *statement: Any) -> Any:
        result = run(*statement)
        made[0] += 1
        if made[0] == statements:
            close()
        return result

    with connection.execute_wrapper(execute):
        yield made


@pytest.mark.parametrize("what", ["days", "windows", "traffic", "showback"])
def test_a_window_that_closes_while_usage_is_read_counts_once(acme: Acme, what: str) -> None:
    acme.buys("2026-01-10", input=1)
    events = [
        UsageEvent(f"{window}", NOON + window * timedelta(minutes=15), GROK, 500_000, 10)
        for window in range(5)
    ]
    _send(acme, events, NOON + timedelta(minutes=60))
    now = NOON + timedelta(minutes=89)  # The second window is the first that is open.
    before = close_due_windows(acme.organization, now=now)

    def read() -> Any:
        organization = acme.organization
        if what == "traffic":
            return sorted(past_traffic(organization, Snapshot.objects.get(model=GROK), now=now))
        if what == "showback":
            billed = billed_periods(organization, on=now.date())[0]
            return showback(organization, billed, now=now, closed_until=before).shares
        view = View.DAYS if what == "days" else View.WINDOWS
        shown = usage(organization, view=view, now=now)
        exhausted = exhausted_by_bucket(organization, Selection(), shown, view)
        return shown.buckets, [(each.windows, each.minutes) for each in exhausted.values()]

    def close() -> None:
        close_due_windows(acme.organization, now=now + timedelta(minutes=1))

    expected, made, statements = read(), [1], 0
    while statements < made[0]:
        statements += 1
        untouched = transaction.savepoint()
        with _windows_close_after(statements, close) as made:
            assert read() == expected, f"they close after statement {statements}"
        transaction.savepoint_rollback(untouched)
