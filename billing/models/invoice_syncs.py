"""The outbox of invoices: the sync of each invoice to the payment provider."""

from django.db import models
from django.db.models import F, Q

from accounts.models import Organization
from billing.models.invoices import Invoice


class SyncStatus(models.TextChoices):
    PENDING = "pending", "Pending"
    SYNCED = "synced", "Synced"
    FAILED = "failed", "Failed"
    NOT_NEEDED = "not_needed", "Not needed"


class InvoiceSync(models.Model):
    """The sync of one issued invoice to the provider, made together with the invoice."""

    invoice = models.OneToOneField(
        Invoice, primary_key=True, on_delete=models.PROTECT, related_name="sync"
    )
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="+")
    status = models.CharField(max_length=10, choices=SyncStatus, default=SyncStatus.PENDING)
    attempts = models.PositiveIntegerField(
        default=0, help_text="Counts claims; tells a worker that its claim ran out."
    )
    failures = models.PositiveIntegerField(
        default=0, help_text="Transient ones since it was last put in the queue; sets the wait."
    )
    next_attempt_at = models.DateTimeField(
        null=True, blank=True, help_text="By the real clock; empty: at once."
    )
    generation = models.PositiveIntegerField(
        default=0, help_text="Part of the idempotency keys; grows when a key is used up."
    )
    last_error = models.TextField(blank=True, help_text="Why the last attempt did not succeed.")
    provider_id = models.CharField(max_length=255, blank=True, help_text="The provider's invoice.")
    provider_total = models.BigIntegerField(
        null=True, blank=True, help_text="Total of the provider's invoice, minor units."
    )
    hosted_url = models.URLField(
        max_length=2000, blank=True, help_text="The provider's page on which it can be paid."
    )
    synced_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=~Q(status="synced") | (Q(synced_at__isnull=False) & ~Q(provider_id="")),
                name="invoice_sync_has_provider_id",
            ),
            models.UniqueConstraint(
                fields=["provider_id"],
                condition=~Q(provider_id=""),
                name="invoice_sync_provider_id_once",
            ),
        ]
        indexes = [
            models.Index(
                F("next_attempt_at").asc(nulls_first=True),
                F("invoice").asc(),
                condition=Q(status="pending"),
                name="invoice_sync_due",
            )
        ]

    def __str__(self) -> str:
        return f"{self.invoice}: {self.status}"
