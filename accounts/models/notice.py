"""Mail that is owed: written with the change that causes it, sent after, once."""

from django.db import models

from accounts.ids import PublicIdField
from accounts.models.organization import Organization


class Notice(models.Model):
    """One mail to an organization. `subject` is the public id or date of what it tells of.

    The unique constraint is what makes it one, however often its cause is repeated.
    """

    public_id = PublicIdField(prefix="mail_")
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=40, help_text="Name of its template in templates/mail/.")
    subject = models.CharField(max_length=40)
    created_at = models.DateTimeField(help_text="By the organization's clock.")
    sent_at = models.DateTimeField(null=True, help_text="By the real clock.")
    failures = models.PositiveSmallIntegerField(default=0, db_default=0)
    next_attempt_at = models.DateTimeField(
        null=True, help_text="By the real clock; empty: at once."
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "kind", "subject"], name="notice_told_once"
            )
        ]
        indexes = [
            models.Index(fields=["id"], condition=models.Q(sent_at=None), name="notice_to_send")
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.subject}"
