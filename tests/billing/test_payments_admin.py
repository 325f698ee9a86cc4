"""Payments by bank transfer, recorded at the operator's desk."""

import pytest
from django.contrib.auth.models import Permission
from django.test import Client

from accounts.models import AuditEntry, Organization, User
from billing.models import Invoice, InvoicePayment
from billing.operations.invoice_sync import sync_next_invoice
from tests.billing.stripe_cast import ISSUED, Stripe, acme, invoice, stripe
from tests.cast import Acme

__all__ = ["acme", "stripe"]

pytestmark = pytest.mark.django_db

INVOICES = "/operator/billing/invoice/"


@pytest.fixture
def olga(acme: Acme, client: Client) -> Client:
    """An operator, on a day soon after the invoice: Acme gets a clock that says so."""
    Organization.objects.update(is_sandbox=True, clock_at=ISSUED)
    client.force_login(User.objects.create_superuser("olga@example.com", name="Olga"))
    return client


def records(olga: Client, *, confirmed: bool) -> str:
    form: dict[str, object] = {"action": "record_payment", "_selected_action": [invoice().pk]}
    if confirmed:
        form["confirmed"] = "yes"
    return olga.post(INVOICES, form, follow=True).text


def test_olga_sees_invoices_and_what_became_of_them(olga: Client) -> None:
    listed = olga.get(INVOICES).text
    total = str(invoice().money(invoice().total))
    assert total in listed
    assert "Open" in listed
    page = olga.get(f"{INVOICES}{invoice().pk}/change/").text
    assert invoice().public_id in page
    assert str(invoice().lines.earliest("pk").amount) in page
    assert 'name="_save"' not in page


def test_olga_is_asked_first_by_number_and_total(olga: Client) -> None:
    asked = records(olga, confirmed=False)
    assert "Invoice 1 of Acme" in asked
    assert str(invoice().money(invoice().total)) in asked
    assert InvoicePayment.objects.get().status == "open"


def test_a_payment_that_olga_records_is_in_the_record_and_told_to_stripe(
    olga: Client, stripe: Stripe
) -> None:
    sync_next_invoice(now=ISSUED)
    assert "Invoice 1 of Acme: the payment of" in records(olga, confirmed=True)
    assert InvoicePayment.objects.get().status == "paid"
    entry = AuditEntry.objects.get(action="invoice.paid")
    assert (entry.source, entry.actor and entry.actor.name) == ("admin", "Olga")
    sync_next_invoice(now=ISSUED)
    assert [theirs["status"] for theirs in stripe.invoices] == ["paid"]


@pytest.mark.parametrize("status", ["paid", "void"])
@pytest.mark.parametrize("confirmed", [False, True])
def test_nothing_is_recorded_for_what_is_settled(
    olga: Client, status: str, confirmed: bool
) -> None:
    InvoicePayment.objects.update(status=status)
    assert "Nothing is owed for these any more." in records(olga, confirmed=confirmed)
    assert InvoicePayment.objects.get().status == status
    assert not AuditEntry.objects.filter(action="invoice.paid").exists()


@pytest.mark.parametrize("confirmed", [False, True])
def test_an_operator_who_may_only_look_records_nothing(
    olga: Client, client: Client, confirmed: bool
) -> None:
    otto = User.objects.create_user("otto@example.com", name="Otto", is_staff=True)
    otto.user_permissions.add(Permission.objects.get(codename="view_invoice"))
    client.force_login(otto)
    assert client.get(INVOICES).status_code == 200
    assert "Record payment" not in client.get(INVOICES).text
    records(client, confirmed=confirmed)
    assert InvoicePayment.objects.get().status == "open"


def test_alice_is_no_operator(olga: Client, acme: Acme, client: Client) -> None:
    client.force_login(acme.alice.person)
    assert client.get(INVOICES).status_code == 302
    records(client, confirmed=True)
    assert InvoicePayment.objects.get().status == "open"
    assert Invoice.objects.count() == 1
