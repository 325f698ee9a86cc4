"""Billing details reach the customer at Stripe, after failures too, and the last ones win."""

from datetime import timedelta

import pytest
from django.test import Client, override_settings

from accounts.models import AuditEntry, Organization
from billing.domain.billing_details import Customer
from billing.models import CustomerSync
from billing.operations.billing_details import set_billing_details
from billing.operations.customer_sync import sync_next_customer
from billing.operations.invoice_sync import SyncResult, sync_next_invoice
from tests.billing.stripe_cast import ISSUED, Stripe, running_stripe
from tests.cast import Acme, at, make_acme

pytestmark = pytest.mark.django_db

DETAILS = Customer(
    name="Acme Holding GmbH",
    address="Straße der Künste 12\nHinterhof\n10115 Berlin",
    country="DE",
    tax_id="DE 123 456 789",
    email="billing@acme.example",
    purchase_order="PO-17",
)
OTHERS = Customer(
    name="Acme Inc.",
    address="1 Main Street",
    country="KE",
    tax_id="P000111222A",
    email="accounts@acme.example",
)
MINUTE = timedelta(minutes=1)
SYNCS_PAGE = "/operator/billing/customersync/"
STEPS = 4
"""Requests that it takes to sync a customer that Stripe does not have."""


def set_details(acme: Acme, details: Customer = DETAILS) -> None:
    set_billing_details(organization=acme.organization, details=details, by=acme.alice, now=ISSUED)


def get_sync() -> CustomerSync:
    return CustomerSync.objects.select_related("organization").get()


def sync_until_settled() -> list[SyncResult]:
    """Sync at each time when it is due, until it is synced or failed; return the results."""
    results: list[SyncResult] = []
    now = ISSUED
    while result := sync_next_customer(now=now):
        results.append(result)
        assert len(results) < 10, get_sync().last_error
        now = max(now, get_sync().next_attempt_at or now)
    return results


def tax_ids(stripe: Stripe) -> list[tuple[str, str]]:
    rows = stripe.stand_in.store.all("tax_id")
    return [(row["type"], row["value"]) for row in rows]


def assert_stripe_has_details(stripe: Stripe) -> None:
    [customer] = stripe.customers
    assert (customer["name"], customer["email"]) == (DETAILS.name, DETAILS.email)
    address = {name: value for name, value in customer["address"].items() if value}
    assert address == {
        "line1": "Straße der Künste 12",
        "line2": "Hinterhof, 10115 Berlin",
        "country": "DE",
    }
    assert customer["invoice_settings"]["custom_fields"] == [
        {"name": "Purchase order", "value": "PO-17"}
    ]
    assert tax_ids(stripe) == [("eu_vat", "DE123456789")]


def test_the_customer_has_the_details_and_follows_each_change(acme: Acme, stripe: Stripe) -> None:
    set_details(acme)
    assert sync_until_settled() == [SyncResult.SYNCED]
    assert_stripe_has_details(stripe)
    assert AuditEntry.objects.get(action="billing_details.sent").source == "stripe"
    assert sync_next_customer(now=ISSUED + timedelta(days=9)) is None

    set_details(acme, OTHERS)
    assert sync_until_settled() == [SyncResult.SYNCED]
    [customer] = stripe.customers
    assert customer["address"] == {"line1": "1 Main Street", "line2": None, "country": "KE"}
    fields = customer["invoice_settings"]["custom_fields"]
    assert fields == [{"name": "Tax ID", "value": OTHERS.tax_id}]  # Stripe has no type for it.
    assert tax_ids(stripe) == []

    set_details(acme, Customer(**OTHERS.document() | {"tax_id": ""}))
    sync_until_settled()
    [customer] = stripe.customers
    assert customer["invoice_settings"]["custom_fields"] is None
    assert tax_ids(stripe) == []
    set_details(acme)  # A tax id that comes back is made again, whatever Stripe has stored.
    sync_until_settled()
    assert_stripe_has_details(stripe)


@pytest.mark.parametrize("done", [False, True], ids=["before", "after"])
def test_a_transient_error_at_any_step_is_retried(acme: Acme, done: bool) -> None:
    for step in range(STEPS):
        CustomerSync.objects.all().delete()
        acme.organization.provider_customer.delete() if step else None
        acme.organization.refresh_from_db()
        with running_stripe() as stripe:
            set_details(acme, OTHERS)
            set_details(acme)
            stripe.inject_fault(status=500, skip=step, done=done)
            results = sync_until_settled()
            assert results[0] is SyncResult.RETRY_LATER
            assert results[-1] is SyncResult.SYNCED
            assert_stripe_has_details(stripe)


def test_a_refused_tax_id_stays_failed_with_the_reason_and_stops_no_invoice(
    invoiced_acme: Acme, stripe: Stripe, olga: Client
) -> None:
    set_details(invoiced_acme)
    stripe.inject_fault(status=400, method="POST", path="/tax_ids$")
    globex = make_acme()
    set_details(globex, OTHERS)
    assert sync_until_both_settled() == [SyncResult.FAILED, SyncResult.SYNCED]
    sync = CustomerSync.objects.get(organization=invoiced_acme.organization)
    assert (sync.status, "A 400, as was asked for." in sync.last_error) == ("failed", True)
    assert AuditEntry.objects.get(action="billing_details.sending_failed").after == {
        "reason": sync.last_error
    }
    assert "A 400, as was asked for." in olga.get(SYNCS_PAGE).text
    assert sync_next_invoice(now=ISSUED) is SyncResult.SYNCED
    assert stripe.invoice["customer_name"] == DETAILS.name

    Organization.objects.update(is_sandbox=True, clock_at=ISSUED)  # Its clock is read by the page.
    response = olga.post(
        SYNCS_PAGE, {"action": "retry", "_selected_action": [sync.pk]}, follow=True
    )
    assert "1 put back in the queue" in response.text
    assert sync_next_customer(now=ISSUED) is SyncResult.SYNCED
    assert tax_ids(stripe) == [("eu_vat", "DE123456789")]


def sync_until_both_settled() -> list[SyncResult]:
    return [result for _ in range(3) if (result := sync_next_customer(now=ISSUED))]


def test_a_customer_whose_result_cannot_be_stored_or_reached_delays_no_other(
    acme: Acme, stripe: Stripe
) -> None:
    set_details(acme)
    with override_settings(STRIPE_API_BASE="http://127.0.0.1:9"):
        assert sync_next_customer(now=ISSUED) is SyncResult.RETRY_LATER
    assert get_sync().last_error == "Stripe cannot be reached."
    acme.organization.provider_customer.__class__.objects.update(provider_id="cus_of_another")
    assert sync_next_customer(now=ISSUED + MINUTE) is SyncResult.RETRY_LATER
    assert "No such customer" in get_sync().last_error
    assert sync_next_customer(now=ISSUED + 4 * MINUTE) is SyncResult.SYNCED
    assert_stripe_has_details(stripe)


def test_a_sandbox_never_reaches_the_live_mode(stripe: Stripe) -> None:
    sandbox = make_acme(is_sandbox=True)
    set_details(sandbox)
    with override_settings(STRIPE_SECRET_KEY="sk_live_standin"):
        assert sync_next_customer(now=ISSUED) is SyncResult.FAILED
    assert "A sandbox never reaches Stripe's live mode" in get_sync().last_error
    assert stripe.requests == []


def test_the_stripe_invoice_has_our_number_and_purchase_order(
    invoiced_acme: Acme, stripe: Stripe
) -> None:
    set_details(invoiced_acme)
    invoiced_acme.open_days("2026-03-01")
    now = at("2026-03-01")
    stripe.set_clock(now)
    sync_next_customer(now=now)
    assert [sync_next_invoice(now=now), sync_next_invoice(now=now)] == 2 * [SyncResult.SYNCED]
    first, second = stripe.invoices
    assert (first["number"], second["number"]) == ("ACM-0001", "ACM-0002")
    assert {"name": "Purchase order", "value": "PO-17"} in second["custom_fields"]
    assert "PO-17" not in str(first["custom_fields"])  # It was issued before.
    assert second["customer_tax_ids"] == [{"type": "eu_vat", "value": "DE123456789"}]


def test_an_invoice_whose_number_is_taken_at_stripe_gets_one_of_stripes(
    invoiced_acme: Acme, stripe: Stripe
) -> None:
    sync_next_invoice(now=ISSUED)
    stripe.stand_in.store.save(stripe.invoice | {"number": "ACM-0002", "metadata": {}})
    invoiced_acme.open_days("2026-03-01")
    now = at("2026-03-01")
    stripe.set_clock(now)
    assert sync_next_invoice(now=now) is SyncResult.SYNCED
    theirs = stripe.invoices[-1]
    assert theirs["number"] not in {None, "", "ACM-0002"}
    assert theirs["description"] == "Scale Tier, invoice ACM-0002"
