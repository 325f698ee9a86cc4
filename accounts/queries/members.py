"""Members of organizations, and invitations."""

from datetime import datetime

from django.db.models import Case, IntegerField, Q, QuerySet, Value, When

from accounts.models import Invitation, Membership, Organization, Role, User
from common.errors import NotFound
from common.tokens import digest

BY_ROLE = (
    Case(
        *(When(role=role, then=Value(position)) for position, role in enumerate(Role)),
        output_field=IntegerField(),
    ),
    "user__email",
)
"""The order of members: owners, then purchasers, then plain members, each by email."""


def memberships_of(user: User) -> QuerySet[Membership]:
    """Return the memberships of a person, ordered by the name of the organization."""
    return (
        Membership.objects.filter(user=user)
        .select_related("organization")
        .order_by("organization__name", "pk")
    )


def members(organization: Organization) -> QuerySet[Membership]:
    """Return all members of the organization: owners, then purchasers, then plain members."""
    rows = Membership.objects.filter(organization=organization)
    return rows.select_related("user").order_by(*BY_ROLE)


def search_members(rows: QuerySet[Membership], text: str) -> QuerySet[Membership]:
    """Return the members with the text in their name or email, in any case."""
    found = Q(user__name__icontains=text) | Q(user__email__icontains=text)
    return rows.filter(found) if text else rows


def owners(organization: Organization) -> QuerySet[Membership]:
    """Return the owners of the organization, who can give rights to others."""
    return members(organization).filter(role=Role.OWNER)


def purchasers(organization: Organization) -> QuerySet[Membership]:
    """Return the members whom an owner authorized to buy."""
    return members(organization).filter(role=Role.PURCHASER)


def find_member(organization: Organization, user_id: str) -> Membership:
    """Return one member by their user's public id. Raises NotFound."""
    membership = members(organization).filter(user__public_id=user_id).first()
    if membership is None:
        raise NotFound("There is no such member.")
    return membership


def is_user(email: str) -> bool:
    """Return whether there is a user with this address."""
    return User.objects.filter(email=email).exists()


def pending_invitations(organization: Organization) -> QuerySet[Invitation]:
    """Return the invitations that nobody has accepted, expired ones too, newest first."""
    return (
        Invitation.objects.filter(organization=organization, accepted_at__isnull=True)
        .select_related("invited_by")
        .order_by("-pk")
    )


def open_invitations(organization: Organization, *, real_now: datetime) -> QuerySet[Invitation]:
    """Return the invitations that can still be accepted, newest first."""
    return pending_invitations(organization).filter(expires_at__gt=real_now)


def find_invitation(token: str) -> Invitation:
    """Return an unaccepted invitation by its emailed secret, expired or not. Raises NotFound."""
    invitation = (
        Invitation.objects.select_related("organization", "invited_by")
        .filter(token_digest=digest(token), accepted_at__isnull=True)
        .first()
    )
    if invitation is None:
        raise NotFound("This invitation was used, replaced or withdrawn. Ask for a new one.")
    return invitation
