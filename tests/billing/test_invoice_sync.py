"""Issued invoices reach Stripe: one each, right to the cent, with retries where they help."""

from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client, override_settings

from accounts.models import AuditEntry, User
from billing.models import InvoiceSync, ProviderCustomer
from billing.operations.invoice_sync import SyncResult, retry_sync, sync_next_invoice
from billing.operations.payments import record_payment
from capacity.operations.days import open_due_days
from tests.billing.stripe_cast import (
    ISSUED,
    STEPS,
    Stripe,
    acme,
    invoice,
    is_there_once,
    running_stripe,
    send_until_it_is_settled,
    send_until_nothing_is_due,
    start_over,
    stripe,
    sync,
)
from tests.cast import OPERATOR, Acme, at, load_catalogue, make_acme

__all__ = ["acme", "stripe"]

pytestmark = pytest.mark.django_db

MINUTE = timedelta(minutes=1)


def test_an_issued_invoice_is_sent_once_with_its_lines_and_discounts(
    acme: Acme, stripe: Stripe
) -> None:
    assert send_until_nothing_is_due() == [SyncResult.SYNCED]
    is_there_once(stripe)
    [theirs] = stripe.invoices
    assert stripe.lines(theirs)[:2] == [
        ("gpt-4.1-2025-04-14, input units, first term: 1 unit-days at $110.00", 11_000),
        ("12.5% discount on gpt-4.1-2025-04-14, input units, first term", -1_375),
    ]
    assert stripe.mails() == 1
    assert send_until_nothing_is_due(ISSUED + timedelta(days=3)) == []


def test_stripe_is_told_who_pays_and_when(acme: Acme, stripe: Stripe) -> None:
    sync_next_invoice(now=ISSUED)
    [theirs], [customer], ours = stripe.invoices, stripe.customers, invoice()
    assert customer["email"] == acme.alice.person.email
    assert customer["metadata"] == {"organization": acme.organization.public_id}
    assert theirs["metadata"] == {
        "invoice": ours.public_id,
        "organization": acme.organization.public_id,
        "number": "1",
    }
    assert theirs["collection_method"] == "send_invoice"
    assert theirs["auto_advance"] is False
    assert datetime.fromtimestamp(theirs["due_date"], UTC).date() == ours.due_on


def test_an_invoice_sent_after_its_due_date_is_due_at_once(acme: Acme, stripe: Stripe) -> None:
    late = at("2026-06-01")
    stripe.is_at(late)
    assert sync_next_invoice(now=late) is SyncResult.SYNCED
    [theirs] = stripe.invoices
    assert abs(theirs["due_date"] - late.timestamp()) < 60
    assert {"name": "Was due", "value": str(invoice().due_on)} in theirs["custom_fields"]


def test_an_organization_has_one_customer_whatever_it_is_called(acme: Acme, stripe: Stripe) -> None:
    sync_next_invoice(now=ISSUED)
    acme.organization.name = "Acme Holding"
    acme.organization.save()
    open_due_days(organization=acme.organization, now=at("2026-03-01"))
    assert sync_next_invoice(now=ISSUED + timedelta(days=28)) is SyncResult.SYNCED
    [customer] = stripe.customers
    assert customer["name"] == "Acme Holding"
    assert {theirs["customer"] for theirs in stripe.invoices} == {customer["id"]}
    assert len(stripe.invoices) == 2


def test_an_invoice_is_found_among_hundreds(acme: Acme, stripe: Stripe) -> None:
    sync_next_invoice(now=ISSUED)
    [theirs] = stripe.invoices
    for number in range(250):
        stripe.stand_in.store.add(theirs | {"id": f"in_{number}", "metadata": {}})
    InvoiceSync.objects.update(status="pending")
    assert sync_next_invoice(now=ISSUED + timedelta(days=2)) is SyncResult.SYNCED
    assert len(stripe.invoices) == 251


def test_an_invoice_without_anything_to_pay_is_paid_by_being_final(stripe: Stripe) -> None:
    load_catalogue()
    acme = make_acme(discount="100")
    acme.buys("2026-01-10", input=1)
    open_due_days(organization=acme.organization, now=ISSUED)
    assert sync_next_invoice(now=ISSUED) is SyncResult.SYNCED
    assert [theirs["status"] for theirs in stripe.invoices] == ["paid"]


def test_sending_leaves_an_audit_entry(acme: Acme, stripe: Stripe) -> None:
    sync_next_invoice(now=ISSUED)
    entry = AuditEntry.objects.get(action="invoice.sent")
    assert (entry.source, entry.subject) == ("stripe", invoice().public_id)
    assert entry.after == {"stripe_invoice": sync().provider_id}


# --- What is transient ------------------------------------------------------------------------


@pytest.mark.parametrize("done", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("status", [429, 500, 503])
def test_what_is_transient_at_any_step_is_tried_again(acme: Acme, status: int, done: bool) -> None:
    for step in range(STEPS):
        start_over()
        with running_stripe() as stripe:
            stripe.goes_wrong(status=status, skip=step, done=done and status != 429)
            attempts = send_until_it_is_settled()
            assert attempts[0] is SyncResult.RETRY_LATER
            assert attempts[-1] is SyncResult.SYNCED
            is_there_once(stripe)


def test_it_waits_twice_as_long_each_time(acme: Acme, stripe: Stripe) -> None:
    stripe.goes_wrong(status=429, times=4)
    waits, now = [], ISSUED
    for _ in range(4):
        assert sync_next_invoice(now=now) is SyncResult.RETRY_LATER
        due = sync().next_attempt_at
        assert due is not None
        assert sync_next_invoice(now=due - timedelta(seconds=1)) is None
        waits.append(due - now)
        now = due
    assert waits == [MINUTE, 2 * MINUTE, 4 * MINUTE, 8 * MINUTE]
    assert "429" in sync().last_error
    assert sync_next_invoice(now=now) is SyncResult.SYNCED
    assert sync().last_error == ""


def test_a_connection_that_breaks_is_tried_again_with_the_same_keys(
    acme: Acme, stripe: Stripe
) -> None:
    stripe.goes_wrong(how="drop", done=True, method="POST", path="/invoices$")
    assert send_until_it_is_settled() == [SyncResult.RETRY_LATER, SyncResult.SYNCED]
    is_there_once(stripe)
    assert sync().generation == 0


def test_a_key_that_keeps_answering_with_an_error_is_given_up(acme: Acme, stripe: Stripe) -> None:
    stripe.goes_wrong(status=500, method="POST", path="/invoices$")
    assert send_until_it_is_settled() == [
        SyncResult.RETRY_LATER,
        SyncResult.RETRY_LATER,
        SyncResult.SYNCED,
    ]
    keys = [seen.key for seen in stripe.stand_in.seen if seen.path == "/v1/invoices" and seen.key]
    create = f"{invoice().public_id}:create"
    assert keys == [create, create, f"{create}:1"]
    is_there_once(stripe)


def test_nothing_is_sent_and_nothing_lost_while_stripe_is_away(acme: Acme, stripe: Stripe) -> None:
    with override_settings(STRIPE_API_BASE="http://127.0.0.1:9"):
        assert sync_next_invoice(now=ISSUED) is SyncResult.RETRY_LATER
    assert sync().last_error == "Stripe cannot be reached."
    assert sync_next_invoice(now=ISSUED + MINUTE) is SyncResult.SYNCED
    is_there_once(stripe)


def test_a_customer_deleted_at_stripe_is_made_anew(acme: Acme, stripe: Stripe) -> None:
    ProviderCustomer.objects.create(
        organization=acme.organization, provider_id="cus_of_another_account", asked_at=ISSUED
    )
    assert send_until_it_is_settled() == [SyncResult.RETRY_LATER, SyncResult.SYNCED]
    is_there_once(stripe)


def test_what_is_settled_before_it_is_sent_is_not_sent(acme: Acme, stripe: Stripe) -> None:
    record_payment(invoice=invoice(), by=OPERATOR, now=ISSUED)
    assert sync_next_invoice(now=ISSUED) is SyncResult.NOT_NEEDED
    assert sync_next_invoice(now=ISSUED + timedelta(days=30)) is None
    assert stripe.calls == []


# --- What is not ------------------------------------------------------------------------------


def test_a_refusal_stands_with_its_reason_until_it_is_sent_again(
    acme: Acme, stripe: Stripe
) -> None:
    stripe.goes_wrong(status=400, method="POST", path="/add_lines")
    assert sync_next_invoice(now=ISSUED) is SyncResult.FAILED
    assert sync().status == "failed"
    assert "A 400, as was asked for." in sync().last_error
    assert sync_next_invoice(now=ISSUED + timedelta(days=30)) is None
    assert retry_sync(sync=sync(), by=OPERATOR, now=ISSUED)
    assert sync_next_invoice(now=ISSUED) is SyncResult.SYNCED
    is_there_once(stripe)
    assert not retry_sync(sync=sync(), by=OPERATOR, now=ISSUED)


def test_an_operator_reads_the_reason_and_sends_again(
    acme: Acme, stripe: Stripe, client: Client
) -> None:
    stripe.goes_wrong(status=403)
    sync_next_invoice(now=ISSUED)
    client.force_login(User.objects.create_superuser("op@example.com"))
    page = client.get("/operator/billing/invoicesync/")
    assert "A 403, as was asked for." in page.text
    assert "STRIPE_SECRET_KEY is not set" not in page.text
    answer = client.post(
        "/operator/billing/invoicesync/",
        {"action": "retry", "_selected_action": [sync().pk]},
        follow=True,
    )
    assert "1 put back in the queue" in answer.text
    assert AuditEntry.objects.get(action="invoice.send_again").source == "admin"
    assert sync_next_invoice(now=ISSUED) is SyncResult.SYNCED


def test_an_operator_is_told_that_there_is_no_key(acme: Acme, client: Client) -> None:
    with override_settings(STRIPE_SECRET_KEY=""):
        assert sync_next_invoice(now=ISSUED) is None
        assert sync().status == "pending"
        client.force_login(User.objects.create_superuser("op@example.com"))
        assert "STRIPE_SECRET_KEY is not set" in client.get("/operator/billing/invoicesync/").text


def test_a_total_that_is_not_ours_is_never_made_final(acme: Acme, stripe: Stripe) -> None:
    stripe.goes_wrong(how="drop", done=True, path="/add_lines")
    sync_next_invoice(now=ISSUED)
    [theirs] = stripe.invoices
    stripe.stand_in.store.save(theirs | {"total": theirs["total"] + 1})
    assert sync_next_invoice(now=ISSUED + MINUTE) is SyncResult.FAILED
    assert f"our invoice to {invoice().total} usd" in sync().last_error
    assert [theirs["status"] for theirs in stripe.invoices] == ["draft"]


@pytest.mark.parametrize("key", ["sk_live_standin", "rk_live_standin", "sk_org_standin"])
def test_a_live_key_is_refused_for_a_sandbox(stripe: Stripe, key: str) -> None:
    load_catalogue()
    sandbox = make_acme(is_sandbox=True)
    sandbox.buys("2026-01-10", input=1)
    open_due_days(organization=sandbox.organization, now=ISSUED)
    with override_settings(STRIPE_SECRET_KEY=key):
        assert sync_next_invoice(now=ISSUED) is SyncResult.FAILED
    assert "A sandbox never reaches Stripe's live mode" in sync().last_error
    assert stripe.calls == []
    retry_sync(sync=sync(), by=OPERATOR, now=ISSUED)
    assert sync_next_invoice(now=ISSUED) is SyncResult.SYNCED
