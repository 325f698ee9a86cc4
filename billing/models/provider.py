"""What the payment provider has still to hear of us, and what it told us."""

from django.db import models
from django.db.models import F, Q

from accounts.models import Organization
from billing.models.invoice import Invoice


class ProviderCustomer(models.Model):
    """An organization as the provider knows it."""

    organization = models.OneToOneField(
        Organization, primary_key=True, on_delete=models.PROTECT, related_name="provider_customer"
    )
    provider_id = models.CharField(max_length=255, blank=True, help_text="Empty: not known yet.")
    name = models.CharField(max_length=120, blank=True, help_text="As the provider was told.")
    email = models.EmailField(blank=True, help_text="As the provider was told.")
    asked_at = models.DateTimeField(
        help_text="Before the provider was first asked to make it: no older one can be ours."
    )
    generation = models.PositiveIntegerField(
        default=0, help_text="Part of the idempotency key; grows when a key is used up."
    )

    def __str__(self) -> str:
        return f"{self.organization}: {self.provider_id or 'not known yet'}"


class DispatchStatus(models.TextChoices):
    PENDING = "pending", "Pending"
    SENT = "sent", "Sent"
    FAILED = "failed", "Failed"
    NEEDLESS = "needless", "Not needed"


class Dispatch(models.Model):
    """The outbox: one issued invoice on its way to the provider, made together with it."""

    invoice = models.OneToOneField(
        Invoice, primary_key=True, on_delete=models.PROTECT, related_name="dispatch"
    )
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="+")
    status = models.CharField(max_length=10, choices=DispatchStatus, default=DispatchStatus.PENDING)
    attempts = models.PositiveIntegerField(
        default=0, help_text="Counts claims; a worker whose claim ran out is told apart by it."
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
    problem = models.TextField(blank=True, help_text="Why the last attempt did not succeed.")
    provider_id = models.CharField(max_length=255, blank=True, help_text="The provider's invoice.")
    provider_total = models.BigIntegerField(
        null=True, blank=True, help_text="What the provider's invoice adds up to, minor units."
    )
    hosted_url = models.URLField(
        max_length=2000, blank=True, help_text="The provider's page on which it can be paid."
    )
    sent_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name_plural = "dispatches"
        constraints = [
            models.CheckConstraint(
                condition=~Q(status="sent") | (Q(sent_at__isnull=False) & ~Q(provider_id="")),
                name="dispatch_sent_to_somewhere",
            ),
            models.UniqueConstraint(
                fields=["provider_id"], condition=~Q(provider_id=""), name="dispatch_provider_once"
            ),
        ]
        indexes = [
            models.Index(
                F("next_attempt_at").asc(nulls_first=True),
                F("invoice").asc(),
                condition=Q(status="pending"),
                name="dispatch_due",
            )
        ]

    def __str__(self) -> str:
        return f"{self.invoice}: {self.status}"


class ProviderEvent(models.Model):
    """Something the provider told us, stored once however often it was told."""

    event_id = models.CharField(max_length=255, unique=True)
    type = models.CharField(max_length=100)
    created_at = models.DateTimeField(help_text="When it happened, by the provider's clock.")
    payload = models.JSONField()
    received_at = models.DateTimeField()
    processed_at = models.DateTimeField(null=True, blank=True)
    outcome = models.CharField(max_length=120, blank=True, help_text="What came of it.")

    class Meta:
        indexes = [
            models.Index(
                fields=["id"],
                condition=Q(processed_at__isnull=True),
                name="provider_event_unprocessed",
            )
        ]

    def __str__(self) -> str:
        return f"{self.type} {self.event_id}"
