"""Workers that are killed at any step, or work at the same time, make one Stripe invoice."""

import multiprocessing
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import Any

import pytest
from django.conf import settings
from django.db import connection

from billing.models import InvoicePayment, InvoiceSync
from billing.operations.invoice_sync import SyncResult, sync_next_invoice
from billing.operations.payments import record_payment
from tests.billing import killed_worker
from tests.billing.stripe_cast import (
    ISSUED,
    STEPS,
    Stripe,
    assert_synced_once,
    get_invoice,
    get_sync,
    running_stripe,
    start_over,
    sync_until_settled,
)
from tests.cast import OPERATOR, Acme

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

FORKSERVER = multiprocessing.get_context("forkserver")
FORKSERVER.set_forkserver_preload([killed_worker.__name__])


def kill_worker_at(step: int, stripe: Stripe, *, done: bool) -> None:
    """SIGKILL a worker while it waits for the response to its request number `step`."""
    stripe.inject_fault(how="hang", skip=step, done=done)
    stripe_settings = {
        name: getattr(settings, name) for name in ("STRIPE_SECRET_KEY", "STRIPE_API_BASE")
    }
    worker = FORKSERVER.Process(
        target=killed_worker.sync,
        args=(connection.settings_dict["NAME"], stripe_settings, ISSUED),
    )
    worker.start()
    assert stripe.stand_in.faults.hanging.wait(120)
    worker.kill()
    worker.join()
    assert worker.exitcode == -9


@pytest.mark.parametrize("done", [False, True], ids=["before-it-is-done", "after-it-is-done"])
@pytest.mark.parametrize("later", [timedelta(minutes=1), timedelta(hours=25)], ids=str)
def test_a_worker_killed_at_any_step_leaves_one_stripe_invoice_in_the_end(
    invoiced_acme: Acme, later: timedelta, done: bool
) -> None:
    for step in range(STEPS):
        start_over()
        with running_stripe() as stripe:
            kill_worker_at(step, stripe, done=done)
            assert get_sync().status == "pending"
            assert sync_next_invoice(now=ISSUED) is None, "its claim keeps others away for a while"
            stripe.set_clock(ISSUED + later)
            assert sync_until_settled(ISSUED + later) == [SyncResult.SYNCED]
            assert_synced_once(stripe)
            is_emailed_again = done and step == STEPS - 1 and later > timedelta(hours=24)
            assert stripe.count_emails() == 1 + is_emailed_again


@pytest.mark.parametrize("done", [False, True], ids=["before-it-is-done", "after-it-is-done"])
@pytest.mark.parametrize("later", [timedelta(minutes=1), timedelta(hours=25)], ids=str)
def test_a_worker_killed_while_it_syncs_a_payment_leaves_it_paid_once_at_stripe(
    invoiced_acme: Acme, later: timedelta, done: bool
) -> None:
    for step in range(2):
        start_over()
        InvoicePayment.objects.update(status="open")
        with running_stripe() as stripe:
            sync_next_invoice(now=ISSUED)
            record_payment(invoice=get_invoice(), by=OPERATOR, now=ISSUED)
            kill_worker_at(step, stripe, done=done)
            stripe.set_clock(ISSUED + later)
            assert sync_until_settled(ISSUED + later) == [SyncResult.SYNCED]
            assert stripe.statuses == ["paid"]
            assert stripe.count_events("invoice.paid") == stripe.count_emails() == 1


def test_a_payment_recorded_while_its_invoice_is_being_synced_is_synced_next(
    invoiced_acme: Acme, stripe: Stripe
) -> None:
    stripe.inject_fault(how="wait", method="POST", path="/send")
    with ThreadPoolExecutor(1) as thread:
        results = thread.submit(at_once, 1, lambda: sync_next_invoice(now=ISSUED))
        assert stripe.stand_in.faults.hanging.wait(60)
        record_payment(invoice=get_invoice(), by=OPERATOR, now=ISSUED)
        stripe.stand_in.faults.released.set()
        assert results.result() == [SyncResult.SYNCED]
    assert stripe.statuses == ["open"]
    assert sync_next_invoice(now=ISSUED) is SyncResult.SYNCED
    assert stripe.statuses == ["paid"]
    assert sync_next_invoice(now=ISSUED + timedelta(days=1)) is None


def test_a_stripe_invoice_that_came_after_its_sync_was_not_needed_is_marked_as_paid(
    invoiced_acme: Acme, stripe: Stripe
) -> None:
    """The first worker outlives its claim, makes the Stripe invoice, and fails before the end."""
    stripe.inject_fault(how="wait", method="POST", path="/v1/invoices$")
    stripe.inject_fault(how="drop", method="POST", path="/send", times=100)
    with ThreadPoolExecutor(1) as thread:
        first = thread.submit(at_once, 1, lambda: sync_next_invoice(now=ISSUED))
        assert stripe.stand_in.faults.hanging.wait(60)
        record_payment(invoice=get_invoice(), by=OPERATOR, now=ISSUED)
        later = ISSUED + timedelta(minutes=1)
        assert sync_next_invoice(now=later) is SyncResult.NOT_NEEDED
        stripe.stand_in.faults.released.set()
        assert first.result() == [SyncResult.RETRY_LATER]
    assert stripe.statuses == ["open"]

    assert sync_next_invoice(now=later) is SyncResult.SYNCED
    assert stripe.statuses == ["paid"]


def at_once(times: int, action: Callable[[], Any]) -> list[Any]:
    """Run the action so many times at the same moment, each on its own connection."""
    start = Barrier(times)

    def run(_: int) -> Any:
        start.wait()
        try:
            return action()
        finally:
            connection.close()

    with ThreadPoolExecutor(times) as threads:
        return list(threads.map(run, range(times)))


def test_one_of_four_workers_at_once_syncs_the_invoice(invoiced_acme: Acme, stripe: Stripe) -> None:
    results = at_once(4, lambda: sync_next_invoice(now=ISSUED))
    assert sorted(map(str, results)) == ["None", "None", "None", "SyncResult.SYNCED"]
    assert_synced_once(stripe)
    assert len(stripe.requests) == STEPS


def test_workers_whose_claims_ran_out_do_not_disturb_each_other(
    invoiced_acme: Acme, stripe: Stripe
) -> None:
    """By its own clock each starts a minute after the one before; none has ended by then."""
    minutes = iter(range(4))
    results = at_once(4, lambda: sync_next_invoice(now=ISSUED + timedelta(minutes=next(minutes))))
    assert SyncResult.FAILED not in results
    sync_until_settled(ISSUED + timedelta(minutes=5))
    assert_synced_once(stripe)
    assert stripe.count_emails() == 1


def test_a_worker_whose_claim_ran_out_leaves_the_row_of_its_successor_as_it_is(
    invoiced_acme: Acme, stripe: Stripe
) -> None:
    stripe.inject_fault(how="hang")
    with ThreadPoolExecutor(1) as thread:
        first = thread.submit(at_once, 1, lambda: sync_next_invoice(now=ISSUED))
        assert stripe.stand_in.faults.hanging.wait(60)
        stripe.inject_fault(how="drop", times=100)
        assert sync_next_invoice(now=ISSUED + timedelta(hours=1)) is SyncResult.RETRY_LATER
        left_by_the_successor = InvoiceSync.objects.values().get()
        stripe.stand_in.faults.released.set()
        assert first.result() == [SyncResult.RETRY_LATER]
    assert InvoiceSync.objects.values().get() == left_by_the_successor
