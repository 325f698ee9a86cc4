"""Audit entries: one for every change (R19)."""

from django.db import models
from django.db.models.functions import Now

from accounts.models.api_keys import ApiKey
from accounts.models.organizations import Organization
from accounts.models.users import User
from common.append_only import append_only
from common.ids import PublicIdField

FAILED_SIGN_IN = "sign_in.failed"


class AuditEntry(models.Model):
    """Who made a change, when and from where, and the values before and after.

    An entry without an organization is about the whole platform, like a catalogue import.
    """

    public_id = PublicIdField(prefix="evt_")
    organization = models.ForeignKey(
        Organization,
        null=True,
        on_delete=models.PROTECT,
        related_name="audit_entries",
        db_index=False,
    )
    actor = models.ForeignKey(
        User, null=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    source = models.CharField(max_length=10)
    api_key = models.ForeignKey(
        ApiKey,
        null=True,
        on_delete=models.PROTECT,
        related_name="+",
        db_index=False,
        help_text="The key that the request came with.",
    )
    address = models.GenericIPAddressField(null=True)
    action = models.CharField(max_length=60)
    subject = models.CharField(max_length=300, help_text="Public id of what changed.")
    before = models.JSONField(null=True)
    after = models.JSONField(null=True)
    at = models.DateTimeField(help_text="By the organization's clock.")
    recorded_at = models.DateTimeField(db_default=Now(), help_text="By the real clock.")

    class Meta:
        verbose_name_plural = "audit entries"
        triggers = append_only()
        # One for each filter of the log. Each begins with the organization and ends in the order of
        # the log, so that a page costs the same however long the log is.
        indexes = [
            models.Index(fields=["organization", "-id"], name="audit_newest_first"),
            models.Index(fields=["organization", "subject", "-id"], name="audit_of_subject"),
            models.Index(fields=["organization", "actor", "-id"], name="audit_of_actor"),
            models.Index(fields=["organization", "action", "-id"], name="audit_of_action"),
            models.Index(fields=["organization", "at"], name="audit_of_time"),
            models.Index(
                fields=["subject", "recorded_at"],
                condition=models.Q(action=FAILED_SIGN_IN),
                name="audit_failed_sign_ins",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.action} {self.subject}"
