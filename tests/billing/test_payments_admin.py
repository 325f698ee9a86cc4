"""Operators record payments by bank transfer in the admin."""

import pytest
from django.contrib.auth.models import Permission
from django.test import Client

from accounts.models import AuditEntry, Organization, User
from billing.models import Invoice, InvoicePayment
from billing.operations.invoice_sync import sync_next_invoice
from tests.billing.stripe_cast import ISSUED, Stripe, get_invoice
from tests.cast import Acme, signed_in

pytestmark = pytest.mark.django_db

INVOICES_PAGE = "/operator/billing/invoice/"


@pytest.fixture(autouse=True)
def _clock(invoiced_acme: Acme) -> None:
    """Acme is a sandbox, since the admin reads its clock, on the day of the invoice."""
    Organization.objects.update(is_sandbox=True, clock_at=ISSUED)


def record_payment(browser: Client, *, confirmed: bool) -> str:
    """Choose “Record payment” for the invoice; return the page that follows: once it is recorded,
    that of the invoice.
    """
    form: dict[str, object] = {"action": "record_payment", "_selected_action": [get_invoice().pk]}
    if confirmed:
        form["confirmed"] = "yes"
    response = browser.post(INVOICES_PAGE, form, follow=True)
    if "is recorded" in response.text:
        assert response.wsgi_request.path == f"{INVOICES_PAGE}{get_invoice().pk}/change/"
    return str(response.text)


def test_olga_sees_invoices_and_their_status(olga: Client) -> None:
    invoice = get_invoice()
    invoices_page = olga.get(INVOICES_PAGE).text
    assert str(invoice.money(invoice.total)) in invoices_page
    assert "Open" in invoices_page
    page = olga.get(f"{INVOICES_PAGE}{invoice.pk}/change/").text
    assert invoice.public_id in page
    assert str(invoice.lines.earliest("pk").amount) in page
    assert 'name="_save"' not in page


def test_olga_confirms_the_number_and_the_total_first(olga: Client) -> None:
    page = record_payment(olga, confirmed=False)
    invoice = get_invoice()
    assert "Invoice ACM-0001 of Acme" in page
    assert str(invoice.money(invoice.total)) in page
    assert InvoicePayment.objects.get().status == "open"


def test_a_payment_that_olga_records_is_audited_and_synced(olga: Client, stripe: Stripe) -> None:
    sync_next_invoice(now=ISSUED)
    assert "Invoice ACM-0001 of Acme: the payment of" in record_payment(olga, confirmed=True)
    assert InvoicePayment.objects.get().status == "paid"
    entry = AuditEntry.objects.get(action="invoice.paid")
    assert (entry.source, entry.actor and entry.actor.name) == ("admin", "Olga")
    sync_next_invoice(now=ISSUED)
    assert stripe.statuses == ["paid"]


@pytest.mark.parametrize("status", ["paid", "void"])
@pytest.mark.parametrize("confirmed", [False, True])
def test_olga_records_no_payment_of_a_settled_invoice(
    olga: Client, status: str, confirmed: bool
) -> None:
    InvoicePayment.objects.update(status=status)
    assert "Nothing is owed for these any more." in record_payment(olga, confirmed=confirmed)
    assert InvoicePayment.objects.get().status == status
    assert not AuditEntry.objects.filter(action="invoice.paid").exists()


@pytest.mark.parametrize("confirmed", [False, True])
def test_otto_who_may_only_view_invoices_records_no_payment(
    client: Client, confirmed: bool
) -> None:
    otto = User.objects.create_user("otto@example.com", name="Otto", is_staff=True)
    otto.user_permissions.add(Permission.objects.get(codename="view_invoice"))
    client.force_login(otto)
    assert client.get(INVOICES_PAGE).status_code == 200
    assert "Record payment" not in client.get(INVOICES_PAGE).text
    record_payment(client, confirmed=confirmed)
    assert InvoicePayment.objects.get().status == "open"


def test_refuses_alice_who_is_no_operator(invoiced_acme: Acme) -> None:
    alice = signed_in(invoiced_acme.alice)
    assert alice.get(INVOICES_PAGE).status_code == 302
    record_payment(alice, confirmed=True)
    assert InvoicePayment.objects.get().status == "open"
    assert Invoice.objects.count() == 1
