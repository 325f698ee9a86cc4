"""The contexts of billing's emails."""

from typing import Any

from accounts.models import OutboundEmail
from accounts.operations.emails import email_context
from billing.models import Invoice


@email_context("invoice_issued")
@email_context("payment_failed")
def invoice_context(email: OutboundEmail) -> dict[str, Any]:
    invoice = Invoice.objects.get(organization=email.organization, public_id=email.about)
    return {"invoice": invoice, "total": invoice.money(invoice.total)}
