"""Who may do what: contract section 3 as a table, and the door that everyone enters by (R18)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from accounts.errors import NotAllowed, NotFound
from accounts.models import Membership, Organization, Role, User


class Permission(StrEnum):
    """The rows of contract section 3. The value completes “Only … may”."""

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
class Visit:
    """One person in one organization, for the length of one request."""

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
        return permission in GRANTS[self.membership.role]

    def demand(self, permission: Permission) -> None:
        """Raises NotAllowed unless this person may; says who may."""
        if not self.may(permission):
            may = [
                Role(role).label.lower()
                for role, granted in GRANTS.items()
                if permission in granted
            ]
            raise NotAllowed(
                f"Only an {' or an '.join(may)} may {permission}. Ask an owner for access."
            )


def enter(*, user: User, organization_id: str, permission: Permission) -> Visit:
    """The membership is read anew each time, so that a withdrawn right ends at once (R18).

    Raises NotFound to everyone who is not a member, whether the organization exists or not.
    """
    membership = (
        Membership.objects.select_related("organization", "user")
        .filter(user=user, user__is_active=True, organization__public_id=organization_id)
        .first()
    )
    if membership is None:
        raise NotFound("There is no such organization.")
    visit = Visit(organization=membership.organization, membership=membership)
    visit.demand(permission)
    return visit
