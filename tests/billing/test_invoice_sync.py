"""An issued invoice becomes one Stripe invoice, right to the cent, with retries where they help."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test import Client, override_settings

from accounts.models import AuditEntry
from billing.models import InvoiceSync, ProviderCustomer
from billing.operations.invoice_sync import SyncResult, retry_sync, sync_next_invoice
from billing.operations.payments import record_payment
from tests.billing.stripe_cast import (
    ISSUED,
    STEPS,
    Stripe,
    assert_synced_once,
    get_invoice,
    get_sync,
    running_stripe,
    start_over,
    sync_due_invoices,
    sync_until_settled,
)
from tests.cast import OPERATOR, Acme, at, make_acme

pytestmark = pytest.mark.django_db

MINUTE = timedelta(minutes=1)
SYNCS_PAGE = "/operator/billing/invoicesync/"


def test_an_invoice_is_synced_once_with_its_lines_and_discounts(
    invoiced_acme: Acme, stripe: Stripe
) -> None:
    assert sync_due_invoices() == [SyncResult.SYNCED]
    assert_synced_once(stripe)
    assert stripe.lines(stripe.invoice)[:2] == [
        ("gpt-4.1-2025-04-14, input units, first term: 1 unit-days at $110.00", 11_000),
        ("12.5% discount on gpt-4.1-2025-04-14, input units, first term", -1_375),
    ]
    assert stripe.count_emails() == 1
    assert sync_due_invoices(ISSUED + timedelta(days=3)) == []


def test_the_stripe_invoice_says_who_pays_and_by_when(invoiced_acme: Acme, stripe: Stripe) -> None:
    sync_next_invoice(now=ISSUED)
    [customer] = stripe.customers
    assert customer["email"] == invoiced_acme.alice.person.email
    assert customer["metadata"] == {"organization": invoiced_acme.organization.public_id}
    invoice, stripe_invoice = get_invoice(), stripe.invoice
    assert stripe_invoice["metadata"] == {
        "invoice": invoice.public_id,
        "organization": invoiced_acme.organization.public_id,
        "number": "1",
    }
    assert stripe_invoice["collection_method"] == "send_invoice"
    assert stripe_invoice["auto_advance"] is False
    assert datetime.fromtimestamp(stripe_invoice["due_date"], UTC).date() == invoice.due_on


def test_an_invoice_synced_after_its_due_date_is_due_at_once(
    invoiced_acme: Acme, stripe: Stripe
) -> None:
    late = at("2026-06-01")
    stripe.set_clock(late)
    assert sync_next_invoice(now=late) is SyncResult.SYNCED
    stripe_invoice = stripe.invoice
    assert abs(stripe_invoice["due_date"] - late.timestamp()) < 60
    due_on = {"name": "Was due", "value": str(get_invoice().due_on)}
    assert due_on in stripe_invoice["custom_fields"]


def test_an_organization_is_one_customer_even_under_a_new_name(
    invoiced_acme: Acme, stripe: Stripe
) -> None:
    sync_next_invoice(now=ISSUED)
    invoiced_acme.organization.name = "Acme Holding"
    invoiced_acme.organization.save()
    invoiced_acme.open_days("2026-03-01")
    assert sync_next_invoice(now=ISSUED + timedelta(days=28)) is SyncResult.SYNCED
    [customer] = stripe.customers
    assert customer["name"] == "Acme Holding"
    assert {invoice["customer"] for invoice in stripe.invoices} == {customer["id"]}
    assert len(stripe.invoices) == 2


def test_a_stripe_invoice_is_found_among_hundreds(invoiced_acme: Acme, stripe: Stripe) -> None:
    sync_next_invoice(now=ISSUED)
    stripe_invoice = stripe.invoice
    for number in range(250):
        stripe.stand_in.store.add(stripe_invoice | {"id": f"in_{number}", "metadata": {}})
    InvoiceSync.objects.update(status="pending")
    assert sync_next_invoice(now=ISSUED + timedelta(days=2)) is SyncResult.SYNCED
    assert len(stripe.invoices) == 251


@pytest.mark.usefixtures("catalogue")
def test_stripe_marks_an_invoice_of_nothing_as_paid(stripe: Stripe) -> None:
    acme = make_acme(discount="100")
    acme.buys("2026-01-10", input=1)
    acme.open_days("2026-02-01")
    assert sync_next_invoice(now=ISSUED) is SyncResult.SYNCED
    assert stripe.statuses == ["paid"]


def test_syncing_leaves_an_audit_entry(invoiced_acme: Acme, stripe: Stripe) -> None:
    sync_next_invoice(now=ISSUED)
    entry = AuditEntry.objects.get(action="invoice.sent")
    assert (entry.source, entry.subject) == ("stripe", get_invoice().public_id)
    assert entry.after == {"stripe_invoice": get_sync().provider_id}


# --- Transient errors -------------------------------------------------------------------------


@pytest.mark.parametrize("done", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_transient_error_at_any_step_is_retried(
    invoiced_acme: Acme, status: int, done: bool
) -> None:
    for step in range(STEPS):
        start_over()
        with running_stripe() as stripe:
            stripe.inject_fault(status=status, skip=step, done=done and status != 429)
            results = sync_until_settled()
            assert results[0] is SyncResult.RETRY_LATER
            assert results[-1] is SyncResult.SYNCED
            assert_synced_once(stripe)


def test_each_retry_waits_twice_as_long(invoiced_acme: Acme, stripe: Stripe) -> None:
    stripe.inject_fault(status=429, times=4)
    waits, now = [], ISSUED
    for _ in range(4):
        assert sync_next_invoice(now=now) is SyncResult.RETRY_LATER
        next_attempt_at = get_sync().next_attempt_at
        assert next_attempt_at is not None
        assert sync_next_invoice(now=next_attempt_at - timedelta(seconds=1)) is None
        waits.append(next_attempt_at - now)
        now = next_attempt_at
    assert waits == [MINUTE, 2 * MINUTE, 4 * MINUTE, 8 * MINUTE]
    assert "429" in get_sync().last_error
    assert sync_next_invoice(now=now) is SyncResult.SYNCED
    assert get_sync().last_error == ""


def test_a_broken_connection_is_retried_with_the_same_keys(
    invoiced_acme: Acme, stripe: Stripe
) -> None:
    stripe.inject_fault(how="drop", done=True, method="POST", path="/invoices$")
    assert sync_until_settled() == [SyncResult.RETRY_LATER, SyncResult.SYNCED]
    assert_synced_once(stripe)
    assert get_sync().generation == 0


def test_a_key_under_which_stripe_stored_an_error_is_replaced(
    invoiced_acme: Acme, stripe: Stripe
) -> None:
    stripe.inject_fault(status=500, method="POST", path="/invoices$")
    assert sync_until_settled() == [
        SyncResult.RETRY_LATER,
        SyncResult.RETRY_LATER,
        SyncResult.SYNCED,
    ]
    keys = [
        request.key
        for request in stripe.stand_in.seen
        if request.path == "/v1/invoices" and request.key
    ]
    key = f"{get_invoice().public_id}:create"
    assert keys == [key, key, f"{key}:1"]
    assert_synced_once(stripe)


def test_an_invoice_is_synced_once_stripe_can_be_reached_again(
    invoiced_acme: Acme, stripe: Stripe
) -> None:
    with override_settings(STRIPE_API_BASE="http://127.0.0.1:9"):
        assert sync_next_invoice(now=ISSUED) is SyncResult.RETRY_LATER
    assert get_sync().last_error == "Stripe cannot be reached."
    assert sync_next_invoice(now=ISSUED + MINUTE) is SyncResult.SYNCED
    assert_synced_once(stripe)


def test_a_customer_that_stripe_does_not_know_is_made_anew(
    invoiced_acme: Acme, stripe: Stripe
) -> None:
    ProviderCustomer.objects.create(
        organization=invoiced_acme.organization,
        provider_id="cus_of_another_account",
        asked_at=ISSUED,
    )
    assert sync_until_settled() == [SyncResult.RETRY_LATER, SyncResult.SYNCED]
    assert_synced_once(stripe)


def test_an_invoice_paid_before_it_is_synced_needs_no_sync(
    invoiced_acme: Acme, stripe: Stripe
) -> None:
    record_payment(invoice=get_invoice(), by=OPERATOR, now=ISSUED)
    assert sync_next_invoice(now=ISSUED) is SyncResult.NOT_NEEDED
    assert sync_next_invoice(now=ISSUED + timedelta(days=30)) is None
    assert stripe.requests == []


def test_an_invoice_whose_result_cannot_be_stored_delays_no_other(
    invoiced_acme: Acme, stripe: Stripe
) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # ALTER TABLE wants no check open.
        cursor.execute("ALTER TABLE billing_invoicesync ADD CHECK (status <> 'synced') NOT VALID")
    assert sync_next_invoice(now=ISSUED) is SyncResult.RETRY_LATER
    assert "violates check constraint" in get_sync().last_error
    assert get_sync().failures == 1


# --- Permanent errors -------------------------------------------------------------------------


def test_a_rejected_sync_stays_failed_with_its_reason_until_it_is_retried(
    invoiced_acme: Acme, stripe: Stripe
) -> None:
    stripe.inject_fault(status=400, method="POST", path="/add_lines")
    assert sync_next_invoice(now=ISSUED) is SyncResult.FAILED
    assert get_sync().status == "failed"
    assert "A 400, as was asked for." in get_sync().last_error
    entry = AuditEntry.objects.get(action="invoice.sending_failed")
    assert entry.after == {"reason": get_sync().last_error}
    assert sync_next_invoice(now=ISSUED + timedelta(days=30)) is None
    InvoiceSync.objects.update(failures=9)
    assert retry_sync(sync=get_sync(), by=OPERATOR, now=ISSUED)
    assert get_sync().failures == 0
    assert sync_next_invoice(now=ISSUED) is SyncResult.SYNCED
    assert_synced_once(stripe)
    assert not retry_sync(sync=get_sync(), by=OPERATOR, now=ISSUED)


def test_olga_reads_the_reason_and_retries(
    invoiced_acme: Acme, stripe: Stripe, olga: Client
) -> None:
    stripe.inject_fault(status=403)
    sync_next_invoice(now=ISSUED)
    page = olga.get(SYNCS_PAGE)
    assert "A 403, as was asked for." in page.text
    assert "STRIPE_SECRET_KEY is not set" not in page.text
    response = olga.post(
        SYNCS_PAGE, {"action": "retry", "_selected_action": [get_sync().pk]}, follow=True
    )
    assert "1 put back in the queue" in response.text
    assert AuditEntry.objects.get(action="invoice.send_again").source == "admin"
    assert sync_next_invoice(now=ISSUED) is SyncResult.SYNCED


def test_olga_reads_that_the_secret_key_is_missing(invoiced_acme: Acme, olga: Client) -> None:
    with override_settings(STRIPE_SECRET_KEY=""):
        assert sync_next_invoice(now=ISSUED) is None
        assert get_sync().status == "pending"
        assert "STRIPE_SECRET_KEY is not set" in olga.get(SYNCS_PAGE).text


def test_a_stripe_invoice_with_another_total_stays_a_draft(
    invoiced_acme: Acme, stripe: Stripe
) -> None:
    stripe.inject_fault(how="drop", done=True, path="/add_lines")
    sync_next_invoice(now=ISSUED)
    stripe_invoice = stripe.invoice
    stripe.stand_in.store.save(stripe_invoice | {"total": stripe_invoice["total"] + 1})
    assert sync_next_invoice(now=ISSUED + MINUTE) is SyncResult.FAILED
    assert f"our invoice to {get_invoice().total} usd" in get_sync().last_error
    assert stripe.statuses == ["draft"]


@pytest.mark.usefixtures("catalogue")
@pytest.mark.parametrize("key", ["sk_live_standin", "rk_live_standin", "sk_org_standin"])
def test_an_invoice_of_a_sandbox_is_never_synced_with_a_live_key(stripe: Stripe, key: str) -> None:
    sandbox = make_acme(is_sandbox=True)
    sandbox.buys("2026-01-10", input=1)
    sandbox.open_days("2026-02-01")
    with override_settings(STRIPE_SECRET_KEY=key):
        assert sync_next_invoice(now=ISSUED) is SyncResult.FAILED
    assert "A sandbox never reaches Stripe's live mode" in get_sync().last_error
    assert stripe.requests == []
    retry_sync(sync=get_sync(), by=OPERATOR, now=ISSUED)
    assert sync_next_invoice(now=ISSUED) is SyncResult.SYNCED
