"""The payment status of invoices: the only part of an invoice that changes."""

from datetime import timedelta

from django.db import models
from django.db.models import Q

from accounts.models import Organization
from billing.models.invoices import Invoice

OVERDUE_AFTER = timedelta(days=14)
"""An organization is overdue if an invoice is unpaid this long after its due date (R11)."""


class PaymentStatus(models.TextChoices):
    OPEN = "open", "Open"
    PAID = "paid", "Paid"
    VOID = "void", "Void"
    UNCOLLECTIBLE = "uncollectible", "Uncollectible"

    @property
    def is_final(self) -> bool:
        """Return whether the status is paid or void: then nothing is owed."""
        return self in {PaymentStatus.PAID, PaymentStatus.VOID}


class InvoicePayment(models.Model):
    """The payment status of one invoice. It is made in the transaction that issues the invoice."""

    invoice = models.OneToOneField(
        Invoice, primary_key=True, on_delete=models.PROTECT, related_name="payment"
    )
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="+")
    status = models.CharField(max_length=15, choices=PaymentStatus, default=PaymentStatus.OPEN)
    status_changed_at = models.DateTimeField(null=True, blank=True)
    payment_failed_at = models.DateTimeField(
        null=True, blank=True, help_text="The last time that a payment of it failed."
    )

    class Meta:
        indexes = [
            models.Index(
                fields=["organization"],
                condition=Q(status__in=["open", "uncollectible"]),
                name="invoice_payment_owed",
            )
        ]

    def __str__(self) -> str:
        return f"{self.invoice}: {self.status}"

    @property
    def is_final(self) -> bool:
        """Return whether nothing is owed. Then nobody may be asked to pay."""
        return PaymentStatus(self.status).is_final
