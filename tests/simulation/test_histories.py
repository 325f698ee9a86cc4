"""Random histories of four hundred days, in the product and in a naive reference.

Each run of pytest draws another seed and prints it; `--seed` repeats the histories.
`SIMULATION_COMPANIES` runs more of them.
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
from billing.models import Charge, Invoice, InvoiceLine, InvoicePayment, SpendAlert
from capacity.models import Cancellation, Expiry, Lot, PurchaseRequest, Transaction
from tests.cast import load_catalogue
from tests.invariants import assert_invariants_hold
from tests.simulation.company import Company
from tests.simulation.comparison import assert_matches_reference, assert_showback_adds_up
from tests.simulation.histories import Calendar, History, random_calendar, random_history
from tests.simulation.terms import noon
from tests.simulation.world import Job, World, read_catalogue

pytestmark = pytest.mark.django_db(transaction=True)

SEED = int(os.environ["SIMULATION_SEED"])
COMPANIES = int(os.environ.get("SIMULATION_COMPANIES", "4"))
WORKERS = 4
ANCHOR_DAYS = (1, 15, 29, 31)
DAYS = 400
START = date(2024, 1, 7)
"""In a leap year, so that anchor days 29 and 31 meet a February of 29 days and one of 28."""


def random_histories(count: int, *, days: int = DAYS) -> tuple[Random, Calendar, list[History]]:
    print(f"--seed {SEED}")  # pytest shows it when a test fails.
    random = Random(SEED)
    calendar = random_calendar(random, start=START, days=days)
    anchor_days = [ANCHOR_DAYS[-n % len(ANCHOR_DAYS)] for n in range(1, count + 1)]
    histories = [random_history(random, calendar, anchor_day=day) for day in anchor_days]
    return random, calendar, histories


def random_world(count: int, **fields: Any) -> World:
    load_catalogue()
    random, calendar, histories = random_histories(count)
    catalogue = read_catalogue()
    companies = [Company.create(history, catalogue) for history in histories]
    return World(calendar, companies, catalogue, random, **fields)


@pytest.fixture
def run_in_threads() -> Iterator[Callable[[Sequence[Job]], None]]:
    """Run the jobs of a day at the same time, in four threads with a connection each."""
    all_threads = Barrier(WORKERS)

    def close_connection() -> None:
        all_threads.wait()  # So that each thread closes its own connection, once.
        connection.close()

    with ThreadPoolExecutor(WORKERS) as workers:

        def run(jobs: Sequence[Job]) -> None:
            for future in [workers.submit(job) for job in jobs]:
                future.result()

        yield run
        for future in [workers.submit(close_connection) for _ in range(WORKERS)]:
            future.result()


def test_the_product_agrees_with_the_reference() -> None:
    world = random_world(COMPANIES, foresees=True)
    world.run()
    assert_matches_reference(world.companies)
    assert_invariants_hold(now=noon(world.today))
    assert_showback_adds_up(world.companies[:3], world.random)


def test_purchases_race_with_several_sweeps_and_no_company_notices(
    run_in_threads: Callable[[Sequence[Job]], None],
) -> None:
    world = random_world(COMPANIES // 2, run_jobs=run_in_threads)
    doubled_sweeps = {day: 2 * sweeps for day, sweeps in world.calendar.sweeps.items()}
    world.calendar = replace(world.calendar, sweeps=doubled_sweeps)
    world.run()
    assert_matches_reference(world.companies)
    assert_invariants_hold(now=noon(world.today))


def test_opening_days_one_by_one_by_sweep_and_by_test_clock_gives_the_same_rows() -> None:
    load_catalogue()
    random, calendar, histories = random_histories(2, days=DAYS // 2)
    catalogue = read_catalogue()
    triplets = [
        [
            Company.create(history, catalogue, opener="one by one"),
            Company.create(history, catalogue, opener="sweep"),
            Company.create(history, catalogue, opener="test clock"),
        ]
        for history in histories
    ]
    companies = [company for triplet in triplets for company in triplet]
    world = World(calendar, companies, catalogue, random)
    world.run()
    for one_by_one, swept, sandboxed in triplets:
        assert rows_of(one_by_one) == rows_of(swept) == rows_of(sandboxed)
    assert_invariants_hold(now=noon(world.today))


ROWS: dict[type[models.Model], list[str]] = {
    Charge: ["lot", "type", "service_from", "service_to", "units", "amount", "discount_percent"],
    Expiry: ["lot__public_id", "units", "ended_on", "reason"],
    Lot: ["public_id", "units", "active_units", "charged_until"],
    Cancellation: ["lot__public_id", "units", "ends_on", "status"],
    PurchaseRequest: ["units", "status", "lapses_on", "decided_at", "due_now_amount"],
    Transaction: ["lot__public_id", "type", "units", "at", "note"],
    Invoice: ["number", "period_start", "issued_on", "due_on", "subtotal", "discount", "total"],
    InvoiceLine: ["invoice__number", "model", "kind", "type", "unit_days", "amount", "discount"],
    InvoicePayment: ["invoice__number", "status", "status_changed_at"],
    SpendAlert: ["period_start", "percent", "limit_amount", "spent", "at"],
    AuditEntry: ["action", "at"],
}


def rows_of(company: Company) -> dict[str, list[tuple[Any, ...]]]:
    """Return every row of the organization's capacity and money, with positions for lot ids."""
    positions = {lot_id: f"lot {position}" for position, lot_id in enumerate(company.lot_ids)}
    sorted_rows = {}
    for model, columns in ROWS.items():
        rows = model._default_manager.filter(organization=company.acme.organization)
        if model is AuditEntry:
            rows = rows.exclude(action__startswith="clock.").exclude(action__startswith="org")
        comparable = [
            tuple(positions.get(str(value), value) for value in row)
            for row in rows.values_list(*columns)
        ]
        sorted_rows[model.__name__] = sorted(comparable, key=repr)
    return sorted_rows
