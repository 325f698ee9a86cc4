"""The contexts of billing's emails."""

from typing import Any

from django.conf import settings

from accounts.models import OutboundEmail
from accounts.operations.emails import email_context
from accounts.queries.members import mailable_addresses, owners
from billing.domain.money import Money
from billing.models import Invoice, SpendAlert
from billing.pdf import invoice_pdf
from billing.queries.invoices import find_invoice, statement_of
from billing.queries.order_forms import order_forms


@email_context("invoice_issued")
def issued_invoice_context(email: OutboundEmail) -> dict[str, Any]:
    """The PDF is attached: whoever reads the billing email may not be able to sign in."""
    invoice = _invoice(email)
    pdf = invoice_pdf(statement_of(invoice, on=invoice.issued_on))
    name = f"invoice-{invoice.display_number}.pdf"
    return _context(invoice) | {"attachments": [(name, pdf, "application/pdf")]}


@email_context("payment_failed")
def failed_payment_context(email: OutboundEmail) -> dict[str, Any]:
    return _context(_invoice(email))


def _invoice(email: OutboundEmail) -> Invoice:
    assert email.organization, "an invoice is of an organization"
    return find_invoice(organization=email.organization, invoice_id=email.about)


def _context(invoice: Invoice) -> dict[str, Any]:
    billing_email = invoice.billed_to.get("email", "")
    return {
        "invoice": invoice,
        "total": invoice.money(invoice.total),
        "also_to": [billing_email] if billing_email else [],
    }


@email_context("spend_alert")
def alert_context(email: OutboundEmail) -> dict[str, Any]:
    alert = SpendAlert.objects.select_related("project").get(
        organization=email.organization, public_id=email.about
    )
    return {
        "alert": alert,
        "spent": Money(alert.spent, settings.CURRENCY),
        "limit": Money(alert.limit_amount, settings.CURRENCY),
    }


@email_context("order_form_signed")
def signed_form_context(email: OutboundEmail) -> dict[str, Any]:
    """The form, for the owners who did not sign it themselves."""
    assert email.organization, "an order form is of an organization"
    form = order_forms(email.organization).get(public_id=email.about)
    others = owners(email.organization).exclude(user=form.signed_by)
    return {"form": form, "recipients": mailable_addresses(others)}
