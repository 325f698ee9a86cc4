"""What it costs to open a day, as a ratio to a floor that is measured between its runs.

The floor is what the database must do in any case: a bare `INSERT … SELECT` of the same charges and
an `UPDATE` of the same lots, in tables with the same indexes, checks and foreign keys.
"""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from statistics import median
from threading import Thread
from time import perf_counter
from typing import Any

import psutil
import pytest
from django.db import connection

from capacity.operations.days import Opened
from capacity.operations.sweep import open_due_days_everywhere
from tests.benchmarks.population import LOTS_EACH, TODAY, populate
from tests.cast import make_acme

pytestmark = pytest.mark.django_db(transaction=True)

ORGANIZATIONS = 10_000
ONE_DAY = timedelta(days=1)
ROUNDS = 5
MOST_TIMES_THE_FLOOR = 3.0
MOST_TIMES_LINEAR = 1.5
MOST_GROWTH = 64 * 1024 * 1024

MAKE_FLOOR = """
    CREATE TABLE floor_charge (LIKE billing_charge INCLUDING ALL);
    ALTER TABLE floor_charge
        ADD FOREIGN KEY (organization_id) REFERENCES accounts_organization
            DEFERRABLE INITIALLY DEFERRED,
        ADD FOREIGN KEY (project_id) REFERENCES accounts_project DEFERRABLE INITIALLY DEFERRED;
    CREATE TABLE floor_lot (LIKE capacity_lot INCLUDING ALL) WITH (fillfactor = 50);
    INSERT INTO floor_lot OVERRIDING SYSTEM VALUE SELECT * FROM capacity_lot;
    CREATE TEMP TABLE charged_today (LIKE billing_charge);
    ANALYZE floor_lot;
"""

# Hard limits that no unit meets: what is measured is to find that out.
SET_LIMITS = """
    INSERT INTO billing_spendlimit (organization_id, project_id, amount, is_hard, alerts)
    SELECT organization_id, CASE WHEN of_project THEN id END, 1000000000, true, '{50,80,100}'
    FROM accounts_project CROSS JOIN (VALUES (true), (false)) scope (of_project);
    ANALYZE billing_spendlimit;
"""

CHARGE_COLUMNS = """organization_id, project_id, lot, model, kind, type, posted_on, service_from,
    service_to, units, price_per_day, currency, amount, discount_percent"""

RUN_FLOOR = f"""
    BEGIN;
    INSERT INTO floor_charge ({CHARGE_COLUMNS})
    SELECT {CHARGE_COLUMNS} FROM charged_today ORDER BY id;
    UPDATE floor_lot SET charged_until = '%s'
    WHERE active_units > 0 AND charged_until < '%s';
    COMMIT;
"""

EXTEND_FLOOR = """
    INSERT INTO floor_lot OVERRIDING SYSTEM VALUE
    SELECT * FROM capacity_lot WHERE id > (SELECT max(id) FROM floor_lot);
    ANALYZE floor_lot;
"""


@dataclass(frozen=True)
class Round:
    """How many seconds the sweep and the floor took."""

    sweep: float
    floor: float

    @property
    def ratio(self) -> float:
        return self.sweep / self.floor


@pytest.fixture
def floor_tables() -> Iterator[None]:
    populate(ORGANIZATIONS)
    _run(MAKE_FLOOR)
    yield
    _run("DROP TABLE floor_charge, floor_lot, charged_today")


@pytest.mark.usefixtures("floor_tables")
def test_a_day_of_100_000_lots_costs_at_most_three_times_the_floor_with_limits_too() -> None:
    days = [TODAY + n * ONE_DAY for n in range(1, 2 * ROUNDS + 3)]
    without_limits = [_round(day, ORGANIZATIONS) for day in days[: ROUNDS + 1]]
    _run(SET_LIMITS)
    with_limits = [_round(day, ORGANIZATIONS) for day in days[ROUNDS + 1 :]]
    for name, rounds in (
        ("without a spend limit", without_limits[1:]),  # The first only warms up the database.
        ("with a hard limit of each and of its project", with_limits[1:]),
    ):
        ratios = [one.ratio for one in rounds]
        print(
            f"\n100,000 lots of 10,000 organizations {name}, median of {ROUNDS}: a day opened in "
            f"{median(one.sweep for one in rounds):.2f} s, the bare INSERT … SELECT and UPDATE of "
            f"the same rows in {median(one.floor for one in rounds):.2f} s: {median(ratios):.2f} "
            f"times the floor (from {min(ratios):.2f} to {max(ratios):.2f})"
        )
        assert median(ratios) <= MOST_TIMES_THE_FLOOR


@pytest.mark.skipif(os.environ.get("BENCH_MILLION") == "0", reason="BENCH_MILLION=0")
@pytest.mark.usefixtures("floor_tables")
def test_a_million_lots_take_ten_times_as_long_in_the_same_memory() -> None:
    small = [_round(TODAY + n * ONE_DAY, ORGANIZATIONS) for n in (1, 2)][-1]
    populate(9 * ORGANIZATIONS, today=TODAY + 2 * ONE_DAY)
    _run(EXTEND_FLOOR)
    memory = psutil.Process().memory_info().rss
    large = [_round(TODAY + n * ONE_DAY, 10 * ORGANIZATIONS) for n in (3, 4)][-1]
    growth = psutil.Process().memory_info().rss - memory
    print(
        f"\n1,000,000 lots of 100,000 organizations: a day opened in {large.sweep:.1f} s, "
        f"{large.sweep / small.sweep:.1f} times as long as 100,000 lots ({small.sweep:.1f} s); the "
        f"floor takes {large.floor:.1f} s, {large.floor / small.floor:.1f} times as long; "
        f"{large.ratio:.2f} times the floor, {small.ratio:.2f} with 100,000. The worker's memory "
        f"grew by {growth / 1024 / 1024:.1f} MiB"
    )
    assert large.sweep / small.sweep <= 10 * MOST_TIMES_LINEAR
    assert large.ratio <= MOST_TIMES_THE_FLOOR
    assert growth <= MOST_GROWTH


def test_a_purchase_need_not_wait_for_a_sweep_of_other_organizations() -> None:
    populate(ORGANIZATIONS)
    day = TODAY + ONE_DAY
    acme = make_acme(day.isoformat())
    idle_times = [_seconds(lambda: acme.buys(day.isoformat(), input=1)) for _ in range(50)]
    busy_times = []
    sweep = Thread(target=_sweep_elsewhere, args=[day])
    sweep.start()
    while sweep.is_alive():
        busy_times.append(_seconds(lambda: acme.buys(day.isoformat(), input=1)))
    sweep.join()
    ratio = median(busy_times) / median(idle_times)
    print(
        f"\nA purchase takes {median(idle_times) * 1000:.0f} ms while nothing else happens, "
        f"{median(busy_times) * 1000:.0f} ms "
        f"({max(busy_times) * 1000:.0f} at most, of {len(busy_times)}) "
        f"while a day is opened for {ORGANIZATIONS:,} others: {ratio:.1f} times"
    )


def _sweep_elsewhere(day: date) -> None:
    """Open the day as another worker does, on a connection of its own."""
    try:
        _open(day, ORGANIZATIONS)
    finally:
        connection.close()


def _open(day: date, organizations: int) -> None:
    opened = open_due_days_everywhere(now=datetime.combine(day, time(), UTC))
    assert opened == Opened(days=organizations, charges=organizations * LOTS_EACH)


def _round(day: date, organizations: int) -> Round:
    """Measure the sweep, then at once the floor, so that the machine is as busy for both."""
    return Round(sweep=_seconds(lambda: _open(day, organizations)), floor=_floor(day))


def _floor(day: date) -> float:
    _run(
        f"TRUNCATE charged_today; INSERT INTO charged_today SELECT * FROM billing_charge "
        f"WHERE posted_on = '{day}'; ANALYZE charged_today"
    )
    tomorrow = day + ONE_DAY
    return _seconds(lambda: _run(RUN_FLOOR % (tomorrow, tomorrow)))


def _run(sql: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql)


def _seconds(action: Callable[[], Any]) -> float:
    started = perf_counter()
    action()
    return perf_counter() - started
