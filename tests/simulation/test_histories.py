"""Four hundred days of random lives, as the product and as a naive reference tell them.

`SIMULATION_SEED` replays or varies the histories, `SIMULATION_COMPANIES` plays more of them.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date
from random import Random
from threading import Barrier
from typing import Any

import pytest
from django.db import connection, models

from accounts.models import AuditEntry
from billing.models import Charge, Invoice, InvoiceLine, InvoicePayment
from capacity.models import Cancellation, Expiry, Lot, Transaction
from tests.cast import load_catalogue
from tests.invariants import assert_invariants_hold
from tests.simulation.comparing import assert_as_the_reference_has_it
from tests.simulation.histories import History, Times, a_history, some_times
from tests.simulation.world import Company, Job, World, catalogue_now, noon

pytestmark = pytest.mark.django_db(transaction=True)

SEED = int(os.environ.get("SIMULATION_SEED", "20240107"))
COMPANIES = int(os.environ.get("SIMULATION_COMPANIES", "8"))
WORKERS = 4
ANCHOR_DAYS = (1, 15, 29, 31)
DAYS = 400
START = date(2024, 1, 7)
"""In a leap year, so that anchors 29 and 31 meet a February of 29 days and one of 28."""


def some_histories(count: int) -> tuple[Random, Times, list[History]]:
    print(f"SIMULATION_SEED={SEED}")  # pytest shows it where a test fails.
    random = Random(SEED)
    times = some_times(random, start=START, days=DAYS)
    anchors = [ANCHOR_DAYS[-n % len(ANCHOR_DAYS)] for n in range(1, count + 1)]
    return random, times, [a_history(random, times, anchor_day=anchor) for anchor in anchors]


def a_world(count: int, **world: Any) -> World:
    load_catalogue()
    random, times, histories = some_histories(count)
    catalogue = catalogue_now()
    companies = [Company.found(history, catalogue) for history in histories]
    return World(times, companies, catalogue, random, **world)


@pytest.fixture
def by_threads() -> Iterator[Callable[[Sequence[Job]], None]]:
    """Runs what happens on a day at once, by four workers on connections of their own."""
    everyone = Barrier(WORKERS)

    def leave() -> None:
        everyone.wait()
        connection.close()

    with ThreadPoolExecutor(WORKERS) as workers:

        def run(jobs: Sequence[Job]) -> None:
            for job in [workers.submit(job) for job in jobs]:
                job.result()

        yield run
        for left in [workers.submit(leave) for _ in range(WORKERS)]:
            left.result()


def test_the_product_lives_as_the_reference_does() -> None:
    world = a_world(COMPANIES)
    world.live()
    assert_as_the_reference_has_it(world.companies)
    assert_invariants_hold(now=noon(world.today))


def test_purchases_race_with_several_sweeps_and_nobody_notices(
    by_threads: Callable[[Sequence[Job]], None],
) -> None:
    world = a_world(COMPANIES // 2, run=by_threads)
    world.times = replace(
        world.times, knocks={day: 2 * knocks for day, knocks in world.times.knocks.items()}
    )
    world.live()
    assert_as_the_reference_has_it(world.companies)
    assert_invariants_hold(now=noon(world.today))


def test_one_by_one_by_the_sweep_and_by_the_test_clock_give_the_same_rows() -> None:
    load_catalogue()
    random, times, histories = some_histories(2)
    catalogue = catalogue_now()
    triplets = [
        [
            Company.found(history, catalogue, way="one by one"),
            Company.found(history, catalogue, way="sweep"),
            Company.found(history, catalogue, way="test clock"),
        ]
        for history in histories
    ]
    world = World(times, [company for alike in triplets for company in alike], catalogue, random)
    world.live()
    for one_by_one, swept, sandboxed in triplets:
        assert rows_of(one_by_one) == rows_of(swept) == rows_of(sandboxed)
    assert_invariants_hold(now=noon(world.today))


ROWS: dict[type[models.Model], list[str]] = {
    Charge: ["lot", "type", "service_from", "service_to", "units", "amount", "discount_percent"],
    Expiry: ["lot__public_id", "units", "ended_on", "reason"],
    Lot: ["public_id", "units", "active_units", "charged_until"],
    Cancellation: ["lot__public_id", "units", "ends_on", "status"],
    Transaction: ["lot__public_id", "type", "units", "at", "note"],
    Invoice: ["number", "period_start", "issued_on", "due_on", "subtotal", "discount", "total"],
    InvoiceLine: ["invoice__number", "model", "kind", "type", "unit_days", "amount", "discount"],
    InvoicePayment: ["invoice__number", "status", "status_changed_at"],
    AuditEntry: ["action", "at"],
}


def rows_of(company: Company) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of the organization's capacity and money; lots by their place."""
    places = {lot: f"lot {place}" for place, lot in enumerate(company.lots)}
    found = {}
    for model, columns in ROWS.items():
        rows = model._default_manager.filter(organization=company.acme.organization)
        if model is AuditEntry:
            rows = rows.exclude(action__startswith="clock.").exclude(action__startswith="org")
        values = rows.values_list(*columns)
        told = [tuple(places.get(str(value), value) for value in row) for row in values]
        found[model.__name__] = sorted(told, key=repr)
    return found
