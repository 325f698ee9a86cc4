"""First answers, kept for good (R17)."""

from django.db import models

from accounts.models.organization import Organization


class KeptAnswer(models.Model):
    """What an `Idempotency-Key` was answered the first time, and to what request."""

    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="+")
    key = models.CharField(max_length=255)
    fingerprint = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField()
    body = models.TextField(
        help_text="JSON, letter for letter: `jsonb` would forget the order of its names."
    )
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organization", "key"], name="kept_answer_once")
        ]

    def __str__(self) -> str:
        return self.key
