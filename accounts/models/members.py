"""Members of organizations, their roles, and invitations."""

from django.db import models

from accounts.models.organizations import Organization
from accounts.models.users import User
from common.change_notices import announce
from common.ids import PublicIdField


class Role(models.TextChoices):
    """The three roles, in the order of their rights: the role with the most rights is first."""

    OWNER = "owner", "Owner"
    PURCHASER = "purchaser", "Authorized purchaser"
    MEMBER = "member", "Member"


class Membership(models.Model):
    """One person's role in one organization. It is read at every request (R18)."""

    organization = models.ForeignKey(
        Organization, on_delete=models.PROTECT, related_name="memberships"
    )
    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="memberships")
    role = models.CharField(max_length=10, choices=Role)
    created_at = models.DateTimeField()

    has_second_factor: bool
    """Whether the person has one; read with the membership (`accounts.access`)."""

    class Meta:
        triggers = announce()
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "user"],
                name="membership_once",
                violation_error_message="This person is a member already.",
            ),
            models.CheckConstraint(
                condition=models.Q(role__in=Role.values), name="membership_role_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user}, {self.get_role_display()} of {self.organization}"


class Invitation(models.Model):
    """The only way to sign up. Its link works once, and only the invited mailbox receives it."""

    organization = models.ForeignKey(
        Organization, on_delete=models.PROTECT, related_name="invitations"
    )
    public_id = PublicIdField(prefix="invite_")
    token_digest = models.CharField(
        max_length=64,
        blank=True,
        editable=False,
        help_text="Of the secret in the emailed link; empty until the email is sent.",
    )
    email = models.EmailField()
    role = models.CharField(max_length=10, choices=Role)
    invited_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(help_text="By the real clock, in sandboxes too.")
    accepted_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "email"],
                condition=models.Q(accepted_at__isnull=True),
                name="invitation_one_open",
            ),
            models.UniqueConstraint(
                fields=["token_digest"],
                condition=~models.Q(token_digest=""),
                name="invitation_token_once",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.email} to {self.organization}"
