"""What an idle sweep costs: it finds no day to open, among few organizations or many.

The floor is the least that its two queries can cost: each reads the same columns, of one row, by
primary key, in a transaction of its own.
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
SWEEPS = 200
MOST_TIMES_THE_FLOOR = 3.0
MOST_TIMES_FEW = 1.5

# One in ten is a forgotten sandbox: its test clock stands at an old time, and nothing is due by it.
ADD_ORGANIZATIONS = """
    INSERT INTO accounts_organization (name, created_at, is_sandbox, clock_at, opened_until)
    SELECT 'Customer ' || n, timestamptz '2026-01-01', n %% %(one_in)s = 0,
           CASE WHEN n %% %(one_in)s = 0 THEN timestamptz '2026-01-01' END,
           CASE WHEN n %% %(one_in)s = 0 THEN date '2026-01-02' ELSE %(today)s + 1 END
    FROM generate_series(1, %(organizations)s) n
"""


def test_an_idle_sweep_costs_the_same_for_ten_times_the_organizations() -> None:
    few = _ratio_to_floor(added=FEW)
    many = _ratio_to_floor(added=MANY - FEW)
    print(
        f"\nAn idle sweep, median of {SWEEPS}: {few:.2f} times the floor with {FEW:,} "
        f"organizations, {many:.2f} times with {MANY:,}"
    )
    assert many <= MOST_TIMES_THE_FLOOR
    assert many <= few * MOST_TIMES_FEW


def _ratio_to_floor(*, added: int) -> float:
    """Add organizations, then measure sweeps and floors in turn, and return the ratio."""
    with connection.cursor() as cursor:
        cursor.execute(
            ADD_ORGANIZATIONS,
            {"organizations": added, "one_in": ONE_SANDBOX_IN, "today": TODAY},
        )
        cursor.execute("VACUUM ANALYZE accounts_organization")
    one_pk = Organization.objects.latest("pk").pk
    rounds = [(_seconds(_idle_sweep), _seconds(lambda: _floor(one_pk))) for _ in range(SWEEPS)]
    return median(sweep for sweep, _ in rounds) / median(floor for _, floor in rounds)


def _idle_sweep() -> None:
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
