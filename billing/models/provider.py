"""Customers of the payment provider, and the events that it sent."""

from django.db import models
from django.db.models import Q

from accounts.models import Organization


class ProviderCustomer(models.Model):
    """The provider's customer object of an organization."""

    organization = models.OneToOneField(
        Organization, primary_key=True, on_delete=models.PROTECT, related_name="provider_customer"
    )
    provider_id = models.CharField(max_length=255, blank=True, help_text="Empty: not known yet.")
    name = models.CharField(max_length=150, blank=True, help_text="As the provider has it.")
    email = models.EmailField(blank=True, help_text="As the provider has it.")
    address = models.TextField(
        blank=True, default="", db_default="", help_text="As the provider has it."
    )
    country = models.CharField(
        max_length=2, blank=True, default="", db_default="", help_text="As the provider has it."
    )
    fields = models.JSONField(
        default=dict,
        blank=True,
        db_default={},
        help_text="Custom fields, as it has them.",
    )
    asked_at = models.DateTimeField(
        help_text="Before the provider was first asked to make it: no older one can be ours."
    )
    generation = models.PositiveIntegerField(
        default=0, help_text="Part of the idempotency key; grows when a key is used up."
    )

    def __str__(self) -> str:
        return f"{self.organization}: {self.provider_id or 'not known yet'}"


class ProviderEvent(models.Model):
    """An event of the provider. An event that is sent again is not stored again."""

    event_id = models.CharField(max_length=255, unique=True)
    type = models.CharField(max_length=100)
    created_at = models.DateTimeField(help_text="When it happened, by the provider's clock.")
    payload = models.JSONField()
    received_at = models.DateTimeField()
    processed_at = models.DateTimeField(null=True, blank=True)
    outcome = models.CharField(max_length=120, blank=True, help_text="What came of it.")
    error = models.TextField(
        blank=True,
        help_text="Why it cannot be processed; an operator can have it processed again.",
    )

    class Meta:
        indexes = [
            models.Index(
                fields=["id"],
                condition=Q(processed_at__isnull=True, error=""),
                name="provider_event_to_process",
            )
        ]

    def __str__(self) -> str:
        return f"{self.type} {self.event_id}"
