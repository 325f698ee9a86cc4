"""Outbound emails: a change enqueues them, a task sends each of them later."""

from django.db import models

from accounts.models.organizations import Organization
from common.ids import PublicIdField


class OutboundEmail(models.Model):
    """One email to an organization, or to one person about their own account.

    `about` is the public id or the date that the email is about.
    Because of the unique constraint, an email that is enqueued twice is stored once.
    """

    public_id = PublicIdField(prefix="mail_")
    organization = models.ForeignKey(
        Organization,
        null=True,
        on_delete=models.PROTECT,
        related_name="+",
        help_text="Empty: the email is about the recipient's own account.",
    )
    kind = models.CharField(max_length=40, help_text="Name of its template in templates/mail/.")
    about = models.CharField(max_length=60, help_text="Public id or date of what it tells of.")
    recipient = models.EmailField(
        blank=True,
        help_text="Empty: the people of the organization who may see Scale Tier.",
    )
    created_at = models.DateTimeField(help_text="By the organization's clock.")
    sent_at = models.DateTimeField(null=True, help_text="By the real clock.")
    failures = models.PositiveSmallIntegerField(default=0, db_default=0)
    last_error = models.TextField(blank=True, help_text="Why the last attempt did not succeed.")
    next_attempt_at = models.DateTimeField(
        null=True, help_text="By the real clock; empty: at once."
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "kind", "about"], name="outbound_email_once"
            )
        ]
        indexes = [
            models.Index(
                fields=["id"], condition=models.Q(sent_at=None), name="outbound_email_to_send"
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.about}"
