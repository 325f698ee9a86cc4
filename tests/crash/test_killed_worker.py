"""The real Celery worker is killed with SIGKILL at any moment while ten thousand lots renew.

`CRASH_SEED` chooses other moments.
"""

import os
import subprocess
from collections.abc import Callable
from datetime import date, timedelta
from random import Random
from time import monotonic

import pytest
from django.utils import timezone

from accounts.models import Organization
from billing.models import Charge, Invoice
from capacity.models import Lot
from capacity.tasks import open_due_days
from scaletier.celery import app
from tests.crash.population import LOTS_EACH, populate
from tests.crash.workers import (
    POLL_SECONDS,
    give_time,
    is_running,
    kill_all,
    kill_processes,
    running_worker,
)
from tests.invariants import assert_invariants_hold

pytestmark = pytest.mark.django_db(transaction=True)

SEED = int(os.environ.get("CRASH_SEED", "7"))
ORGANIZATIONS = 2_500
DAYS_DUE = 4
KILLS = 6
TIMEOUT_SECONDS = 240.0
SWEEP_INTERVAL_SECONDS = 1.0

STATEMENTS = (
    "%INSERT INTO billing_charge%",
    "%UPDATE%capacity_lot%",
    "%INSERT INTO%billing_invoice%",
    "%UPDATE%accounts_organization%",
    "COMMIT",
)


def test_ten_thousand_lots_renew_once_a_day_however_often_the_worker_is_killed() -> None:
    print(f"CRASH_SEED={SEED}")
    random = Random(SEED)
    first_due = timezone.now().date() - timedelta(days=DAYS_DUE - 1)
    populate(organizations=ORGANIZATIONS, renewing_from=first_due)
    app.control.purge()
    kills = 0
    while kills < KILLS and not all_days_are_open():
        with running_worker() as worker:
            while kills < KILLS and sweep_until(random_moment(random), worker):
                kills += 1
                if random.random() < 0.6:
                    kill_all(worker)
                    break
                kill_processes(worker)
    open_remaining_days()
    assert kills >= KILLS / 2, "all days were open after too few kills"
    assert_charged_once_a_day(first_due)
    assert_invariants_hold(now=timezone.now())


def assert_charged_once_a_day(first_due: date) -> None:
    open_until = set(Organization.objects.values_list("opened_until", flat=True))
    assert open_until == {timezone.now().date() + timedelta(days=1)}
    days = (open_until.pop() - first_due).days
    renewals = Charge.objects.filter(type="renewal").values_list("lot", "service_from")
    assert len(renewals) == len(set(renewals)) == ORGANIZATIONS * LOTS_EACH * days
    assert Lot.objects.count() == ORGANIZATIONS * LOTS_EACH
    assert Invoice.objects.count() == ORGANIZATIONS


def random_moment(random: Random) -> Callable[[], bool]:
    """Return a check that tells when to kill the worker.

    It is true once so many more charges are posted, or while the worker runs a chosen statement.
    """
    if random.random() < 0.4:
        target = Charge.objects.count() + random.randrange(ORGANIZATIONS * LOTS_EACH // 2)
        return lambda: Charge.objects.count() >= target
    statement = random.choice(STATEMENTS)
    return lambda: is_running(statement)


def all_days_are_open() -> bool:
    today = timezone.now().date()
    return not Organization.objects.filter(opened_until__lte=today).exists()


def sweep_until(moment: Callable[[], bool], worker: "subprocess.Popen[bytes]") -> bool:
    """Start two sweeps, for the two processes, and wait until the moment comes.

    Return False if all days are open before it comes.
    """
    open_due_days.delay()
    open_due_days.delay()
    deadline = monotonic() + TIMEOUT_SECONDS
    while not moment():
        if all_days_are_open():
            return False
        assert monotonic() < deadline
        give_time(worker, POLL_SECONDS)
    return True


def open_remaining_days() -> None:
    """Run a worker that nobody kills, and start a sweep every second, in place of beat.

    The first sweep may not be enough: locks of a killed process can outlive it for a moment.
    """
    deadline = monotonic() + TIMEOUT_SECONDS
    with running_worker() as worker:
        while not all_days_are_open():
            assert monotonic() < deadline
            open_due_days.delay()
            give_time(worker, SWEEP_INTERVAL_SECONDS)
