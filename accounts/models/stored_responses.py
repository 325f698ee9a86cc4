"""Responses that are stored under their idempotency keys and never deleted (R17)."""

from django.db import models

from accounts.models.organizations import Organization


class StoredResponse(models.Model):
    """The first response to an `Idempotency-Key`, and the fingerprint of its request."""

    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="+")
    key = models.CharField(max_length=255)
    fingerprint = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField()
    body = models.TextField(
        help_text="JSON, letter for letter: `jsonb` would lose the order of its names."
    )
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organization", "key"], name="stored_response_once")
        ]

    def __str__(self) -> str:
        return self.key
