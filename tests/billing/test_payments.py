"""What is paid by bank transfer is paid at Stripe too: nobody can pay it there once more."""

from datetime import timedelta

import pytest
from django.test import Client, override_settings

from accounts.models import AuditEntry, Organization
from billing.models import InvoicePayment, ProviderEvent
from billing.operations.invoice_sync import SyncResult, retry_sync, sync_next_invoice
from billing.operations.payments import record_payment
from billing.queries.invariants import INVARIANTS
from common.invariants import violations
from tests.billing.stripe_cast import (
    ISSUED,
    STEPS,
    Stripe,
    acme,
    invoice,
    is_there_once,
    process,
    running_stripe,
    send_until_it_is_settled,
    send_until_nothing_is_due,
    start_over,
    stripe,
    sync,
    tell,
)
from tests.cast import OPERATOR, Acme

__all__ = ["acme", "stripe"]

pytestmark = pytest.mark.django_db

PAID = ISSUED + timedelta(days=9)


@pytest.fixture
def sent(acme: Acme, stripe: Stripe) -> Stripe:
    """Stripe, with Acme's invoice open."""
    assert send_until_nothing_is_due() == [SyncResult.SYNCED]
    stripe.is_at(PAID)
    stripe.stand_in.seen.clear()
    return stripe


def pay_by_bank_transfer() -> None:
    record_payment(invoice=invoice(), by=OPERATOR, now=PAID)


def is_settled_everywhere(stripe: Stripe, status: str = "paid") -> None:
    [theirs] = stripe.invoices
    assert theirs["status"] == status
    assert theirs["total"] == invoice().total
    assert sync().status == "synced"
    assert sync().last_error == ""
    assert sync().provider_id == theirs["id"]
    assert invoice().payment.status == "paid"
    assert stripe.mails() == 1
    assert list(violations(INVARIANTS, now=PAID)) == []


def test_stripe_is_told_once_of_a_payment_made_elsewhere(sent: Stripe) -> None:
    is_there_once(sent)
    pay_by_bank_transfer()
    pay_by_bank_transfer()
    assert send_until_nothing_is_due(PAID) == [SyncResult.SYNCED]
    is_settled_everywhere(sent)
    [theirs] = sent.invoices
    assert (theirs["amount_remaining"], theirs["attempt_count"]) == (0, 0)
    assert sent.calls == ["GET /v1/invoices", "POST /v1/invoices/pay"]
    entry = AuditEntry.objects.get(action="invoice.payment_told")
    assert (entry.source, entry.subject) == ("stripe", invoice().public_id)
    assert sync().synced_at == ISSUED
    assert send_until_nothing_is_due(PAID + timedelta(days=30)) == []


def test_the_event_that_follows_changes_nothing(sent: Stripe, client: Client) -> None:
    pay_by_bank_transfer()
    before = InvoicePayment.objects.values().get()
    sync_next_invoice(now=PAID)
    assert tell(client, sent.event("invoice.paid")) == 200
    assert process(PAID) == 1
    assert InvoicePayment.objects.values().get() == before
    assert ProviderEvent.objects.get().outcome == "ignored: paid already"
    assert AuditEntry.objects.filter(action="invoice.paid").count() == 1


def test_what_stripe_says_is_paid_is_not_told_to_stripe(sent: Stripe, client: Client) -> None:
    sent.stand_in.act(sent.invoices[0], "pay")
    tell(client, sent.event("invoice.paid"))
    process(PAID)
    pay_by_bank_transfer()
    assert sync_next_invoice(now=PAID) is None
    is_settled_everywhere(sent)


@pytest.mark.parametrize(("action", "status"), [("pay", "paid"), ("void", "void")])
def test_what_was_settled_at_stripe_meanwhile_stays_as_it_is(
    sent: Stripe, action: str, status: str
) -> None:
    pay_by_bank_transfer()
    sent.stand_in.act(sent.invoices[0], action)
    assert sync_next_invoice(now=PAID) is SyncResult.SYNCED
    is_settled_everywhere(sent, status)
    assert "POST /v1/invoices/pay" not in sent.calls


def test_what_was_given_up_as_uncollectible_is_paid_there_as_well(sent: Stripe) -> None:
    sent.stand_in.act(sent.invoices[0], "uncollectible")
    pay_by_bank_transfer()
    assert sync_next_invoice(now=PAID) is SyncResult.SYNCED
    is_settled_everywhere(sent)


@pytest.mark.parametrize("done", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("step", [0, 1], ids=["looking", "paying"])
@pytest.mark.parametrize("fault", [{"status": 429}, {"status": 500}, {"how": "drop"}], ids=str)
def test_what_is_transient_is_tried_again(
    sent: Stripe, fault: dict[str, object], step: int, done: bool
) -> None:
    pay_by_bank_transfer()
    sent.goes_wrong(skip=step, done=done and fault.get("status") != 429, **fault)
    attempts = send_until_it_is_settled(PAID)
    assert (attempts[0], attempts[-1]) == (SyncResult.RETRY_LATER, SyncResult.SYNCED)
    is_settled_everywhere(sent)
    assert sent.told("invoice.paid") == 1


def test_a_refusal_stands_with_its_reason_until_it_is_sent_again(sent: Stripe) -> None:
    pay_by_bank_transfer()
    sent.goes_wrong(status=400, method="POST", path="/pay")
    assert sync_next_invoice(now=PAID) is SyncResult.FAILED
    assert "A 400, as was asked for." in sync().last_error
    assert sent.invoices[0]["status"] == "open"
    assert sync_next_invoice(now=PAID + timedelta(days=30)) is None
    assert retry_sync(sync=sync(), by=OPERATOR, now=PAID)
    assert sync_next_invoice(now=PAID) is SyncResult.SYNCED
    is_settled_everywhere(sent)


def test_a_customer_who_is_quicker_by_a_moment_has_paid(sent: Stripe) -> None:
    """The request to pay is refused, as it was paid between the looking and the asking."""
    pay_by_bank_transfer()
    sent.goes_wrong(status=400, method="POST", path="/pay", done=True)
    assert sync_next_invoice(now=PAID) is SyncResult.SYNCED
    is_settled_everywhere(sent)


def test_a_payment_recorded_at_any_step_of_the_sending_is_told(acme: Acme) -> None:
    """Whoever goes on after the step finds it paid. What is left at Stripe nobody can pay."""
    for step in range(STEPS):
        start_over()
        InvoicePayment.objects.update(status="open", status_changed_at=None)
        with running_stripe() as stripe:
            stripe.goes_wrong(how="drop", done=True, skip=step)
            assert sync_next_invoice(now=ISSUED) is SyncResult.RETRY_LATER
            pay_by_bank_transfer()
            send_until_it_is_settled(PAID)
            statuses = {theirs["status"] for theirs in stripe.invoices}
            assert statuses <= {"draft", "paid"}, f"step {step}"
            assert sync().status != "pending"
            assert ("left a draft" in sync().last_error) == (sync().status == "failed")


def test_a_failed_dispatch_is_needless_once_it_is_paid(acme: Acme, stripe: Stripe) -> None:
    stripe.goes_wrong(status=403)
    assert sync_next_invoice(now=ISSUED) is SyncResult.FAILED
    pay_by_bank_transfer()
    assert sync_next_invoice(now=PAID) is SyncResult.NOT_NEEDED
    assert stripe.invoices == []


def test_a_live_key_is_not_used_for_a_sandbox_s_payment(sent: Stripe) -> None:
    Organization.objects.update(is_sandbox=True, clock_at=PAID)
    pay_by_bank_transfer()
    with override_settings(STRIPE_SECRET_KEY="sk_live_standin"):
        assert sync_next_invoice(now=PAID) is SyncResult.FAILED
    assert "A sandbox never reaches Stripe's live mode" in sync().last_error
    assert sent.calls == []
