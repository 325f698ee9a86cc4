"""Who an organization's invoices are made out to, and its sync to the payment provider."""

from django.core.validators import MaxLengthValidator
from django.db import models
from django.db.models import F, Q

from accounts.models import Organization
from billing.models.invoice_syncs import SyncStatus

MAX_NAME, MAX_ADDRESS, MAX_ADDRESS_LINES, MAX_TAX_ID = 150, 300, 6, 40
MAX_EMAIL, MAX_PURCHASE_ORDER = 254, 140
"""The longest texts, all of which Stripe takes: its custom fields have 140 characters."""


class BillingDetails(models.Model):
    """The billing details of an organization, on the invoices to come. Issued ones keep theirs."""

    organization = models.OneToOneField(
        Organization, primary_key=True, on_delete=models.PROTECT, related_name="billing_details"
    )
    name = models.CharField(max_length=MAX_NAME)
    address = models.TextField(
        validators=[MaxLengthValidator(MAX_ADDRESS)], help_text="Lines, without the country."
    )
    country = models.CharField(max_length=2, help_text="ISO 3166-1, two letters.")
    tax_id = models.CharField(max_length=MAX_TAX_ID, blank=True)
    email = models.EmailField(max_length=MAX_EMAIL)
    purchase_order = models.CharField(max_length=MAX_PURCHASE_ORDER, blank=True)

    class Meta:
        verbose_name_plural = "billing details"

    def __str__(self) -> str:
        return f"Billing details of {self.organization}"


class CustomerSync(models.Model):
    """The outbox of billing details: the sync of an organization's customer to the provider.

    A change grows `revision`. So a worker that has sent an earlier one knows that there is another.
    """

    organization = models.OneToOneField(
        Organization, primary_key=True, on_delete=models.PROTECT, related_name="customer_sync"
    )
    status = models.CharField(max_length=10, choices=SyncStatus, default=SyncStatus.PENDING)
    revision = models.PositiveIntegerField(
        default=1, help_text="Grows with each change; part of the idempotency keys."
    )
    attempts = models.PositiveIntegerField(
        default=0, help_text="Counts claims; tells a worker that its claim ran out."
    )
    claimed_until = models.DateTimeField(
        null=True, blank=True, help_text="By the real clock; a worker has it until then."
    )
    failures = models.PositiveIntegerField(
        default=0, help_text="Transient ones since the last change; sets the wait."
    )
    next_attempt_at = models.DateTimeField(
        null=True, blank=True, help_text="By the real clock; empty: at once."
    )
    last_error = models.TextField(blank=True, help_text="Why the last attempt did not succeed.")
    synced_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=~Q(status="synced") | Q(synced_at__isnull=False),
                name="customer_sync_has_its_time",
            ),
        ]
        indexes = [
            models.Index(
                F("next_attempt_at").asc(nulls_first=True),
                F("organization").asc(),
                condition=Q(status="pending"),
                name="customer_sync_due",
            )
        ]

    def __str__(self) -> str:
        return f"{self.organization}: {self.status}"
