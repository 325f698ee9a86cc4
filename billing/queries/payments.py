"""Unpaid invoices."""

from datetime import date

from django.db.models import QuerySet

from billing.models import OVERDUE_AFTER, InvoicePayment, PaymentStatus


def long_overdue_payments(on: date) -> QuerySet[InvoicePayment]:
    """Return the payments of invoices that are unpaid 14 days after their due date.

    Their organizations are overdue on the service day `on` (R11).
    """
    return InvoicePayment.objects.filter(
        status__in=[PaymentStatus.OPEN, PaymentStatus.UNCOLLECTIBLE],
        invoice__due_on__lte=on - OVERDUE_AFTER,
        invoice__total__gt=0,
    )
