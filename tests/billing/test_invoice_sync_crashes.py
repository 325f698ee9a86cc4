"""A worker killed anywhere on the way, and several at once: still one Stripe invoice."""

import multiprocessing
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import Any

import pytest
from django.conf import settings
from django.db import connection

from billing.models import InvoicePayment
from billing.operations.invoice_sync import SyncResult, sync_next_invoice
from billing.operations.payments import record_payment
from tests.billing import killed_sender
from tests.billing.stripe_cast import (
    ISSUED,
    STEPS,
    Stripe,
    acme,
    invoice,
    is_there_once,
    running_stripe,
    send_until_it_is_settled,
    start_over,
    stripe,
    sync,
)
from tests.cast import OPERATOR, Acme

__all__ = ["acme", "stripe"]

pytestmark = pytest.mark.django_db(transaction=True)

FORKSERVER = multiprocessing.get_context("forkserver")
FORKSERVER.set_forkserver_preload([killed_sender.__name__])


def kill_at(step: int, stripe: Stripe, *, done: bool) -> None:
    """SIGKILL a sender while it waits for the answer to its request number `step`."""
    stripe.goes_wrong(how="hang", skip=step, done=done)
    configured = {
        name: getattr(settings, name) for name in ("STRIPE_SECRET_KEY", "STRIPE_API_BASE")
    }
    sender = FORKSERVER.Process(
        target=killed_sender.send,
        args=(connection.settings_dict["NAME"], configured, ISSUED),
    )
    sender.start()
    assert stripe.stand_in.faults.hanging.wait(120)
    sender.kill()
    sender.join()
    assert sender.exitcode == -9


@pytest.mark.parametrize("done", [False, True], ids=["before-it-is-done", "after-it-is-done"])
@pytest.mark.parametrize("later", [timedelta(minutes=1), timedelta(hours=25)], ids=str)
def test_killed_at_any_step_and_resumed_there_is_one_invoice(
    acme: Acme, later: timedelta, done: bool
) -> None:
    for step in range(STEPS):
        start_over()
        with running_stripe() as stripe:
            kill_at(step, stripe, done=done)
            assert sync().status == "pending"
            assert sync_next_invoice(now=ISSUED) is None, "its claim keeps others away for a while"
            stripe.is_at(ISSUED + later)
            assert send_until_it_is_settled(ISSUED + later) == [SyncResult.SYNCED]
            is_there_once(stripe)
            mailed_again = done and step == STEPS - 1 and later > timedelta(hours=24)
            assert stripe.mails() == 1 + mailed_again


@pytest.mark.parametrize("done", [False, True], ids=["before-it-is-done", "after-it-is-done"])
@pytest.mark.parametrize("later", [timedelta(minutes=1), timedelta(hours=25)], ids=str)
def test_killed_while_it_tells_of_a_payment_it_is_paid_there_once(
    acme: Acme, later: timedelta, done: bool
) -> None:
    for step in range(2):
        start_over()
        InvoicePayment.objects.update(status="open")
        with running_stripe() as stripe:
            sync_next_invoice(now=ISSUED)
            record_payment(invoice=invoice(), by=OPERATOR, now=ISSUED)
            kill_at(step, stripe, done=done)
            stripe.is_at(ISSUED + later)
            assert send_until_it_is_settled(ISSUED + later) == [SyncResult.SYNCED]
            assert [theirs["status"] for theirs in stripe.invoices] == ["paid"]
            assert stripe.told("invoice.paid") == stripe.mails() == 1


def test_a_payment_recorded_while_its_invoice_is_being_sent_is_told_next(
    acme: Acme, stripe: Stripe
) -> None:
    stripe.goes_wrong(how="wait", method="POST", path="/send")
    with ThreadPoolExecutor(1) as thread:
        sending = thread.submit(at_once, 1, lambda: sync_next_invoice(now=ISSUED))
        assert stripe.stand_in.faults.hanging.wait(60)
        record_payment(invoice=invoice(), by=OPERATOR, now=ISSUED)
        stripe.stand_in.faults.released.set()
        assert sending.result() == [SyncResult.SYNCED]
    assert [theirs["status"] for theirs in stripe.invoices] == ["open"]
    assert sync_next_invoice(now=ISSUED) is SyncResult.SYNCED
    assert [theirs["status"] for theirs in stripe.invoices] == ["paid"]
    assert sync_next_invoice(now=ISSUED + timedelta(days=1)) is None


def at_once(times: int, action: Callable[[], Any]) -> list[Any]:
    start = Barrier(times)

    def run(_: int) -> Any:
        start.wait()
        try:
            return action()
        finally:
            connection.close()

    with ThreadPoolExecutor(times) as threads:
        return list(threads.map(run, range(times)))


def test_workers_at_once_send_it_once(acme: Acme, stripe: Stripe) -> None:
    results = at_once(4, lambda: sync_next_invoice(now=ISSUED))
    assert sorted(map(str, results)) == ["None", "None", "None", "SyncResult.SYNCED"]
    is_there_once(stripe)
    assert len(stripe.calls) == STEPS


def test_workers_whose_claims_ran_out_get_in_nobodys_way(acme: Acme, stripe: Stripe) -> None:
    """Each starts a minute after the other, by its own word, while all are still at it."""
    minutes = iter(range(4))
    results = at_once(4, lambda: sync_next_invoice(now=ISSUED + timedelta(minutes=next(minutes))))
    assert SyncResult.FAILED not in results
    send_until_it_is_settled(ISSUED + timedelta(minutes=5))
    is_there_once(stripe)
    assert stripe.mails() == 1
