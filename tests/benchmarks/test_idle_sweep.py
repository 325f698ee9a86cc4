"""What a knock of the sweep costs when nobody has a day to open, for few organizations and many.

The floor is the least that two questions can cost: the same columns of one row, by primary key,
each in a transaction of its own.
"""

from collections.abc import Callable
from datetime import UTC, datetime, time
from statistics import median
from time import perf_counter
from typing import Any

import pytest
from django.db import connection, transaction

from accounts.models import Organization
from capacity.operations.days import Opened
from capacity.operations.sweep import open_due_days_everywhere
from tests.benchmarks.population import TODAY

pytestmark = pytest.mark.django_db(transaction=True)

FEW, MANY = 10_000, 100_000
ONE_SANDBOX_IN = 10
KNOCKS = 200
MOST_TIMES_THE_FLOOR = 3.0
MOST_TIMES_FEW = 1.5

# Sandboxes whose clocks stand long ago, as forgotten ones do, with nothing due by them.
MORE = """
    INSERT INTO accounts_organization (name, created_at, is_sandbox, clock_at, opened_until)
    SELECT 'Customer ' || n, timestamptz '2026-01-01', n %% %(one_in)s = 0,
           CASE WHEN n %% %(one_in)s = 0 THEN timestamptz '2026-01-01' END,
           CASE WHEN n %% %(one_in)s = 0 THEN date '2026-01-02' ELSE %(today)s + 1 END
    FROM generate_series(1, %(organizations)s) n
"""


def test_an_idle_knock_costs_the_same_for_ten_times_the_organizations() -> None:
    few = _knocks(FEW)
    many = _knocks(MANY - FEW)
    print(
        f"\nAn idle knock, median of {KNOCKS}: {few:.2f} times the floor with {FEW:,} "
        f"organizations, {many:.2f} times with {MANY:,}"
    )
    assert many <= MOST_TIMES_THE_FLOOR
    assert many <= few * MOST_TIMES_FEW


def _knocks(more: int) -> float:
    """Add organizations; then knock, and ask for the floor between the knocks: the ratio."""
    with connection.cursor() as cursor:
        cursor.execute(MORE, {"organizations": more, "one_in": ONE_SANDBOX_IN, "today": TODAY})
        cursor.execute("VACUUM ANALYZE accounts_organization")
    some = Organization.objects.latest("pk").pk
    rounds = [(_seconds(_knock), _seconds(lambda: _floor(some))) for _ in range(KNOCKS)]
    return median(knock for knock, _ in rounds) / median(floor for _, floor in rounds)


def _knock() -> None:
    assert open_due_days_everywhere(now=datetime.combine(TODAY, time(), UTC)) == Opened()


def _floor(pk: int) -> None:
    for _ in range(2):
        with transaction.atomic(durable=True):
            assert list(
                Organization.objects.filter(pk=pk).select_for_update(skip_locked=True, no_key=True)
            )


def _seconds(action: Callable[[], Any]) -> float:
    started = perf_counter()
    action()
    return perf_counter() - started
