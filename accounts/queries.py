"""Who belongs to an organization, who was asked to, which keys they hold, and what they changed."""

from datetime import datetime

from django.db.models import Case, Exists, IntegerField, OuterRef, QuerySet, Value, When

from accounts.errors import NotFound
from accounts.models import (
    ApiKey,
    AuditEntry,
    Invitation,
    Membership,
    Organization,
    Project,
    Role,
    User,
)
from accounts.models.api_key import digest


def memberships_of(user: User) -> QuerySet[Membership]:
    """The organizations that a person belongs to, by name."""
    return (
        Membership.objects.filter(user=user)
        .select_related("organization")
        .order_by("organization__name", "pk")
    )


def members(organization: Organization) -> QuerySet[Membership]:
    """Everyone in the organization, the most entitled first."""
    rank = Case(
        *(When(role=role, then=Value(position)) for position, role in enumerate(Role)),
        output_field=IntegerField(),
    )
    return (
        Membership.objects.filter(organization=organization)
        .select_related("user")
        .order_by(rank, "user__email")
    )


def owners(organization: Organization) -> QuerySet[Membership]:
    """Whom to ask for rights."""
    return members(organization).filter(role=Role.OWNER)


def purchasers(organization: Organization) -> QuerySet[Membership]:
    """Members whom an owner allowed to buy."""
    return members(organization).filter(role=Role.PURCHASER)


def open_invitations(organization: Organization, *, now: datetime) -> QuerySet[Invitation]:
    """Invitations that can still be accepted, newest first."""
    return (
        Invitation.objects.filter(
            organization=organization, accepted_at__isnull=True, expires_at__gt=now
        )
        .select_related("invited_by")
        .order_by("-pk")
    )


def api_keys(organization: Organization, user: User) -> QuerySet[ApiKey]:
    """A person's own keys that still work, newest first."""
    return ApiKey.objects.filter(
        organization=organization, user=user, revoked_at__isnull=True
    ).order_by("-pk")


def member(organization: Organization, user_id: str) -> Membership:
    """One member by their user's public id. Raises NotFound."""
    found = members(organization).filter(user__public_id=user_id).first()
    if found is None:
        raise NotFound("There is no such member.")
    return found


def api_key(organization: Organization, user: User, key_id: str) -> ApiKey:
    """One of a person's own keys. Raises NotFound, for anyone else's too."""
    found = api_keys(organization, user).filter(public_id=key_id).first()
    if found is None:
        raise NotFound("There is no such API key.")
    return found


def live_api_key(secret: str) -> ApiKey | None:
    """The key with this secret, as long as it is good for anything.

    A key ends with its revocation, and with its person's account or membership (R18).
    """
    membership = Membership.objects.filter(
        organization=OuterRef("organization"), user=OuterRef("user")
    )
    return (
        ApiKey.objects.select_related("organization", "user")
        .filter(Exists(membership), digest=digest(secret), revoked_at__isnull=True)
        .filter(user__is_active=True)
        .first()
    )


def invitation(invite_id: str) -> Invitation:
    """An invitation that nobody has accepted yet, expired or not. Raises NotFound."""
    found = (
        Invitation.objects.select_related("organization", "invited_by")
        .filter(public_id=invite_id, accepted_at__isnull=True)
        .first()
    )
    if found is None:
        raise NotFound("This invitation was used or replaced. Ask for a new one.")
    return found


def is_user(email: str) -> bool:
    """Whether someone signs in with this address already."""
    return User.objects.filter(email=email).exists()


def projects(organization: Organization) -> QuerySet[Project]:
    """Projects, newest first; the oldest is the default one."""
    return Project.objects.filter(organization=organization).order_by("-pk")


def audit_entries(organization: Organization) -> QuerySet[AuditEntry]:
    """The record of every change (R19), newest first."""
    return (
        AuditEntry.objects.filter(organization=organization).select_related("actor").order_by("-pk")
    )
