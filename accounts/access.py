"""The table of permissions by role, and the check that every page and API request makes (R18)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from accounts.models import Membership, Organization, Role, User
from common.errors import NotAllowed, NotFound


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


def authorize(*, user: User, organization_id: str, permission: Permission) -> AccessContext:
    """Return the person's access to an organization, read anew at every request (R18).

    Raises NotFound for everyone who is not a member, whether the organization exists or not, and
    NotAllowed for a member without the permission.
    """
    membership = (
        Membership.objects.select_related("organization", "user")
        .filter(user=user, user__is_active=True, organization__public_id=organization_id)
        .first()
    )
    if membership is None:
        raise NotFound("There is no such organization.")
    access = AccessContext(organization=membership.organization, membership=membership)
    access.require(permission)
    return access
