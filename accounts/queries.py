"""Who belongs where, for pages and API alike."""

from django.db.models import Exists, OuterRef, QuerySet

from accounts.models import ApiKey, AuditEntry, Membership, Organization, Project, Role, User
from accounts.models.api_key import digest


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


def first_organization_of(user: User) -> Organization | None:
    """Where somebody is who has not said where: the organization they joined first."""
    membership = (
        Membership.objects.filter(user=user).select_related("organization").order_by("pk").first()
    )
    return membership and membership.organization


def api_keys(organization: Organization, *, user: User) -> QuerySet[ApiKey]:
    """A person's own keys that still work, newest first."""
    return ApiKey.objects.filter(
        organization=organization, user=user, revoked_at__isnull=True
    ).order_by("-pk")


def purchasers(organization: Organization) -> QuerySet[Membership]:
    """Authorized purchasers, the newest member first. Owners may buy too, without being listed."""
    return (
        Membership.objects.filter(organization=organization, role=Role.PURCHASER)
        .select_related("user")
        .order_by("-pk")
    )


def projects(organization: Organization) -> QuerySet[Project]:
    """Projects, newest first; the oldest is the default one."""
    return Project.objects.filter(organization=organization).order_by("-pk")


def audit_entries(organization: Organization) -> QuerySet[AuditEntry]:
    """The record of every change (R19), newest first."""
    return (
        AuditEntry.objects.filter(organization=organization).select_related("actor").order_by("-pk")
    )
