"""Whatever workers are slow or late, the last billing details are at Stripe in the end."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime

import pytest
from django.db import connection

from billing.domain.billing_details import Customer
from billing.models import CustomerSync
from billing.operations.customer_sync import sync_next_customer
from billing.operations.invoice_sync import SyncResult, sync_next_invoice
from tests.billing.stripe_cast import ISSUED, Stripe
from tests.billing.test_customer_sync import (
    DETAILS,
    MINUTE,
    OTHERS,
    assert_stripe_has_details,
    set_details,
    sync_until_settled,
)
from tests.cast import Acme

pytestmark = pytest.mark.django_db(transaction=True)


Worker = Callable[[], SyncResult | None]
FRENCH = Customer(**OTHERS.document() | {"country": "FR", "tax_id": "FRXX999999999"})


@contextmanager
def stalled(worker: Worker, stripe: Stripe, path: str) -> Iterator[Future[SyncResult | None]]:
    """Run the block while a worker waits for Stripe to take its details, which happens after it."""
    stripe.inject_fault(how="wait", method="POST", path=path)

    def work() -> SyncResult | None:
        try:
            return worker()
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        result = pool.submit(work)
        assert stripe.stand_in.faults.hanging.wait(60)
        try:
            yield result
        finally:
            stripe.stand_in.faults.released.set()


def customer_worker(now: datetime = ISSUED) -> SyncResult | None:
    return sync_next_customer(now=now)


def invoice_worker() -> SyncResult | None:
    return sync_next_invoice(now=ISSUED)


def test_details_that_change_while_they_are_sent_are_sent_again(acme: Acme, stripe: Stripe) -> None:
    """The worker that sends the earlier ones keeps its claim, so that they do not come last."""
    set_details(acme, OTHERS)
    with stalled(customer_worker, stripe, "/customers$") as result:
        set_details(acme, DETAILS)
        assert sync_next_customer(now=ISSUED) is None, "the claim keeps others away"
    assert result.result() is SyncResult.SYNCED
    assert sync_until_settled() == [SyncResult.SYNCED]
    assert_stripe_has_details(stripe)


@pytest.mark.parametrize(
    ("worker", "path"), [(customer_worker, "/tax_ids$"), (invoice_worker, "/customers/")]
)
def test_a_worker_that_is_overtaken_lets_the_details_be_sent_again(
    invoiced_acme: Acme, stripe: Stripe, worker: Worker, path: str
) -> None:
    set_details(invoiced_acme, DETAILS)
    sync_until_settled()
    set_details(invoiced_acme, FRENCH)
    with stalled(worker, stripe, path) as result:
        set_details(invoiced_acme, DETAILS)
        assert sync_next_customer(now=ISSUED + MINUTE) is SyncResult.SYNCED
    assert result.result() is SyncResult.SYNCED
    with pytest.raises(AssertionError):
        assert_stripe_has_details(stripe)  # Those of the overtaken worker came last.
    assert CustomerSync.objects.get().status == "pending"
    assert sync_next_customer(now=ISSUED + 2 * MINUTE) is SyncResult.SYNCED
    assert_stripe_has_details(stripe)
