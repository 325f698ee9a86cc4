"""The table of permissions by role, and the check that every page and API request makes (R18)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from allauth.mfa.models import Authenticator
from django.conf import settings
from django.db.models import Exists, OuterRef, QuerySet

from accounts.models import Membership, Organization, Role, User
from common.errors import NotAllowed, NotFound

SECOND_FACTORS = (Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN)
"""What a person can show besides their password. Recovery codes stand in for one that is lost."""


class SecondFactorRequired(NotAllowed):
    """The organization requires a second factor, and the member has none (R24)."""


class Permission(StrEnum):
    """What a person may do in an organization. The value completes “Only an owner may …”."""

    SCALE_TIER = "see Scale Tier"
    BUY = "buy and cancel units"
    LIMITS_AND_INVOICES = "read limits and invoices"
    USAGE = "see the usage dashboard"
    MANAGE = "manage the organization"
    OWN_API_KEYS = "manage their own API keys"


GRANTS: Mapping[str, frozenset[Permission]] = {
    Role.OWNER: frozenset(Permission),
    Role.PURCHASER: frozenset(Permission) - {Permission.USAGE, Permission.MANAGE},
    Role.MEMBER: frozenset({Permission.OWN_API_KEYS}),
}


@dataclass(frozen=True, slots=True)
class AccessContext:
    """The access of one person to one organization. It is read anew for each request (R18)."""

    organization: Organization
    membership: Membership

    @property
    def user(self) -> User:
        return self.membership.user

    @property
    def now(self) -> datetime:
        """The organization's time (R1)."""
        return self.organization.now()

    @property
    def lacks_second_factor(self) -> bool:
        """Return whether the organization requires a second factor that the person lacks (R24)."""
        return self.organization.requires_second_factor and not self.membership.has_second_factor

    def may(self, permission: Permission) -> bool:
        """Return whether the person's role has the permission."""
        return permission in GRANTS[self.membership.role]

    def require(self, permission: Permission) -> None:
        """Raises NotAllowed, which names the roles with the permission, if this role lacks it."""
        if not self.may(permission):
            roles = [
                Role(role).label.lower()
                for role, granted in GRANTS.items()
                if permission in granted
            ]
            raise NotAllowed(
                f"Only an {' or an '.join(roles)} may {permission}. Ask an owner for access."
            )

    def require_second_factor(self, *, by_key: bool) -> None:
        """Raises SecondFactorRequired if the member lacks a second factor that is required (R24).

        An API key works until the date that was announced.
        """
        if not self.lacks_second_factor or (by_key and not self.organization.refuses_keys):
            return
        keys = f" Since {self.organization.keys_refused_from} UTC your API keys are refused."
        raise SecondFactorRequired(
            f"{self.organization} requires two-factor authentication, and you have not set it up."
            f"{keys if by_key else ''} Sign in at {settings.PUBLIC_URL} and set it up, then go on."
        )


def with_second_factor(memberships: QuerySet[Membership]) -> QuerySet[Membership]:
    """Read with each membership whether the person has a second factor."""
    factors = Authenticator.objects.filter(user=OuterRef("user"), type__in=SECOND_FACTORS)
    return memberships.annotate(
        has_second_factor=Exists(factors)  # type: ignore[no-redef]  # the model declares it
    )


def find_access(*, user: User, organization_id: str) -> AccessContext:
    """Return the person's access to an organization, read anew at every request (R18).

    Raises NotFound for everyone who is not a member, whether the organization exists or not.
    """
    rows = Membership.objects.select_related("organization", "user")
    membership = (
        with_second_factor(rows)
        .filter(user=user, user__is_active=True, organization__public_id=organization_id)
        .first()
    )
    if membership is None:
        raise NotFound("There is no such organization.")
    return AccessContext(organization=membership.organization, membership=membership)


def authorize(
    *, user: User, organization_id: str, permission: Permission, by_key: bool = False
) -> AccessContext:
    """Return the person's access to an organization, which permits what the request is about.

    Raises NotFound for everyone who is not a member, SecondFactorRequired for a member without the
    second factor that the organization requires, NotAllowed for one without the permission.
    `by_key` says that the request has an API key, and no session.
    """
    access = find_access(user=user, organization_id=organization_id)
    access.require_second_factor(by_key=by_key)
    access.require(permission)
    return access
