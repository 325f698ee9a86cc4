"""Unpaid invoices, and what recording their payment does."""

from datetime import date

from django.db.models import QuerySet

from billing.models import OVERDUE_AFTER, Invoice, InvoicePayment, PaymentStatus, SyncStatus


def long_overdue_payments(on: date) -> QuerySet[InvoicePayment]:
    """Return the payments of invoices that are unpaid 14 days after their due date.

    Their organizations are overdue on the service day `on` (R11).
    """
    return InvoicePayment.objects.filter(
        status__in=[PaymentStatus.OPEN, PaymentStatus.UNCOLLECTIBLE],
        invoice__due_on__lte=on - OVERDUE_AFTER,
        invoice__total__gt=0,
    )


def payment_effect(invoice: Invoice) -> str:
    """Return what recording a payment outside Stripe does there, for the operator to confirm.

    `invoice.sync` and its organization are read.
    """
    if invoice.sync.provider_id:
        return "Stripe is told that it was paid elsewhere: its page takes no payment any more."
    if invoice.sync.status == SyncStatus.NOT_NEEDED:
        return "Stripe does not know of it."
    return "It is not at Stripe yet, and goes there as paid elsewhere."
