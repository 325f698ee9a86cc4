"""The contexts of billing's emails."""

from typing import Any

from django.conf import settings

from accounts.models import OutboundEmail
from accounts.operations.emails import email_context
from billing.domain.money import Money
from billing.models import Invoice, SpendAlert


@email_context("invoice_issued")
@email_context("payment_failed")
def invoice_context(email: OutboundEmail) -> dict[str, Any]:
    invoice = Invoice.objects.select_related("organization__billing").get(
        organization=email.organization, public_id=email.about
    )
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
