"""An invoice paid by bank transfer becomes paid at Stripe too: nobody can pay it there again."""

from datetime import timedelta

import pytest
from django.test import Client, override_settings

from accounts.models import AuditEntry, Organization
from billing.models import InvoicePayment, ProviderEvent
from billing.operations.invoice_sync import SyncResult, retry_sync, sync_next_invoice
from billing.operations.payments import record_payment
from billing.operations.provider_events import process_events
from billing.queries.invariants import INVARIANTS
from common.invariants import violations
from tests.billing.stripe_cast import (
    ISSUED,
    STEPS,
    Stripe,
    assert_synced_once,
    deliver,
    get_invoice,
    get_sync,
    running_stripe,
    start_over,
    sync_due_invoices,
    sync_until_settled,
)
from tests.cast import OPERATOR, Acme

pytestmark = pytest.mark.django_db

PAID = ISSUED + timedelta(days=9)


@pytest.fixture
def synced_stripe(invoiced_acme: Acme, stripe: Stripe) -> Stripe:
    """Stripe, with the invoice of Acme open."""
    assert sync_due_invoices() == [SyncResult.SYNCED]
    stripe.set_clock(PAID)
    stripe.stand_in.seen.clear()
    return stripe


def record_bank_transfer() -> None:
    record_payment(invoice=get_invoice(), by=OPERATOR, now=PAID)


def assert_settled_at_both(stripe: Stripe, status: str = "paid") -> None:
    """The invoice is paid here, has this status at Stripe, and the sync is complete."""
    stripe_invoice = stripe.invoice
    assert stripe_invoice["status"] == status
    assert stripe_invoice["total"] == get_invoice().total
    assert get_sync().status == "synced"
    assert get_sync().last_error == ""
    assert get_sync().provider_id == stripe_invoice["id"]
    assert get_invoice().payment.status == "paid"
    assert stripe.count_emails() == 1
    assert list(violations(INVARIANTS, now=PAID)) == []


def test_a_payment_recorded_twice_is_synced_once(synced_stripe: Stripe) -> None:
    assert_synced_once(synced_stripe)
    record_bank_transfer()
    record_bank_transfer()
    assert sync_due_invoices(PAID) == [SyncResult.SYNCED]
    assert_settled_at_both(synced_stripe)
    stripe_invoice = synced_stripe.invoice
    assert (stripe_invoice["amount_remaining"], stripe_invoice["attempt_count"]) == (0, 0)
    assert synced_stripe.requests == ["GET /v1/invoices", "POST /v1/invoices/pay"]
    entry = AuditEntry.objects.get(action="invoice.payment_told")
    assert (entry.source, entry.subject) == ("stripe", get_invoice().public_id)
    assert get_sync().synced_at == ISSUED
    assert sync_due_invoices(PAID + timedelta(days=30)) == []


def test_the_event_about_a_synced_payment_changes_nothing(
    synced_stripe: Stripe, client: Client
) -> None:
    record_bank_transfer()
    payment = InvoicePayment.objects.values().get()
    sync_next_invoice(now=PAID)
    assert deliver(client, synced_stripe.last_event("invoice.paid")) == 200
    assert process_events(now=PAID) == 1
    assert InvoicePayment.objects.values().get() == payment
    assert ProviderEvent.objects.get().outcome == "ignored: paid already"
    assert AuditEntry.objects.filter(action="invoice.paid").count() == 1


def test_a_payment_at_stripe_is_not_synced_back(synced_stripe: Stripe, client: Client) -> None:
    synced_stripe.stand_in.act(synced_stripe.invoice, "pay")
    deliver(client, synced_stripe.last_event("invoice.paid"))
    process_events(now=PAID)
    record_bank_transfer()
    assert sync_next_invoice(now=PAID) is None
    assert_settled_at_both(synced_stripe)


@pytest.mark.parametrize(("action", "status"), [("pay", "paid"), ("void", "void")])
def test_an_invoice_settled_at_stripe_meanwhile_stays_as_it_is(
    synced_stripe: Stripe, action: str, status: str
) -> None:
    record_bank_transfer()
    synced_stripe.stand_in.act(synced_stripe.invoice, action)
    assert sync_next_invoice(now=PAID) is SyncResult.SYNCED
    assert_settled_at_both(synced_stripe, status)
    assert "POST /v1/invoices/pay" not in synced_stripe.requests


def test_an_invoice_that_is_uncollectible_at_stripe_becomes_paid_there(
    synced_stripe: Stripe,
) -> None:
    synced_stripe.stand_in.act(synced_stripe.invoice, "uncollectible")
    record_bank_transfer()
    assert sync_next_invoice(now=PAID) is SyncResult.SYNCED
    assert_settled_at_both(synced_stripe)


@pytest.mark.parametrize("done", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("step", [0, 1], ids=["looking", "paying"])
@pytest.mark.parametrize("fault", [{"status": 429}, {"status": 500}, {"how": "drop"}], ids=str)
def test_a_transient_error_is_retried(
    synced_stripe: Stripe, fault: dict[str, object], step: int, done: bool
) -> None:
    record_bank_transfer()
    synced_stripe.inject_fault(skip=step, done=done and fault.get("status") != 429, **fault)
    results = sync_until_settled(PAID)
    assert (results[0], results[-1]) == (SyncResult.RETRY_LATER, SyncResult.SYNCED)
    assert_settled_at_both(synced_stripe)
    assert synced_stripe.count_events("invoice.paid") == 1


def test_a_rejected_sync_stays_failed_with_its_reason_until_it_is_retried(
    synced_stripe: Stripe,
) -> None:
    record_bank_transfer()
    synced_stripe.inject_fault(status=400, method="POST", path="/pay")
    assert sync_next_invoice(now=PAID) is SyncResult.FAILED
    assert "A 400, as was asked for." in get_sync().last_error
    assert synced_stripe.invoice["status"] == "open"
    assert sync_next_invoice(now=PAID + timedelta(days=30)) is None
    assert retry_sync(sync=get_sync(), by=OPERATOR, now=PAID)
    assert sync_next_invoice(now=PAID) is SyncResult.SYNCED
    assert_settled_at_both(synced_stripe)


def test_a_customer_may_pay_at_stripe_a_moment_before_the_sync(synced_stripe: Stripe) -> None:
    """Stripe rejects the request to pay: between it and the lookup somebody has paid there."""
    record_bank_transfer()
    synced_stripe.inject_fault(status=400, method="POST", path="/pay", done=True)
    assert sync_next_invoice(now=PAID) is SyncResult.SYNCED
    assert_settled_at_both(synced_stripe)


def test_a_payment_recorded_at_any_step_of_a_sync_is_synced_too(invoiced_acme: Acme) -> None:
    """The next worker finds the invoice paid. Nobody can pay what it leaves at Stripe."""
    for step in range(STEPS):
        start_over()
        InvoicePayment.objects.update(status="open", status_changed_at=None)
        with running_stripe() as stripe:
            stripe.inject_fault(how="drop", done=True, skip=step)
            assert sync_next_invoice(now=ISSUED) is SyncResult.RETRY_LATER
            record_bank_transfer()
            sync_until_settled(PAID)
            assert set(stripe.statuses) <= {"draft", "paid"}, f"step {step}"
            assert get_sync().status != "pending"
            is_failed = get_sync().status == "failed"
            assert ("left a draft" in get_sync().last_error) == is_failed


def test_a_failed_sync_is_not_needed_once_the_invoice_is_paid(
    invoiced_acme: Acme, stripe: Stripe
) -> None:
    stripe.inject_fault(status=403)
    assert sync_next_invoice(now=ISSUED) is SyncResult.FAILED
    record_bank_transfer()
    assert sync_next_invoice(now=PAID) is SyncResult.NOT_NEEDED
    assert stripe.invoices == []


def test_a_payment_of_a_sandbox_is_never_synced_with_a_live_key(synced_stripe: Stripe) -> None:
    Organization.objects.update(is_sandbox=True, clock_at=PAID)
    record_bank_transfer()
    with override_settings(STRIPE_SECRET_KEY="sk_live_standin"):
        assert sync_next_invoice(now=PAID) is SyncResult.FAILED
    assert "A sandbox never reaches Stripe's live mode" in get_sync().last_error
    assert synced_stripe.requests == []
