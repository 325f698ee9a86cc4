"""Members of organizations, and invitations."""

from django.db.models import Case, IntegerField, Q, QuerySet, Value, When

from accounts.access import with_second_factor
from accounts.models import Invitation, Membership, Organization, Role, User
from common.errors import NotFound
from common.texts import is_mailable
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
    return with_second_factor(rows.select_related("user")).order_by(*BY_ROLE)


def members_without_second_factor(organization: Organization) -> QuerySet[Membership]:
    """Return the members who can sign in with their password alone."""
    return members(organization).filter(
        user__is_active=True,
        has_second_factor=False,  # type: ignore[misc]  # `members` reads it
    )


def search_members(rows: QuerySet[Membership], text: str) -> QuerySet[Membership]:
    """Return the members with the text in their name or email, in any case."""
    found = Q(user__name__icontains=text) | Q(user__email__icontains=text)
    return rows.filter(found) if text else rows


def owners(organization: Organization) -> QuerySet[Membership]:
    """Return the owners of the organization, who can give rights to others."""
    return members(organization).filter(role=Role.OWNER)


def mailable_addresses(people: QuerySet[Membership]) -> list[str]:
    """Return the addresses that can be mailed, of people who are active."""
    addresses = people.filter(user__is_active=True).values_list("user__email", flat=True)
    return [address for address in addresses if is_mailable(address)]


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


def find_pending_invitation(organization: Organization, invitation_id: str) -> Invitation:
    """Return an invitation that nobody has accepted, expired or not. Raises NotFound."""
    invitation = pending_invitations(organization).filter(public_id=invitation_id).first()
    if invitation is None:
        raise NotFound("This invitation is no longer open.")
    return invitation


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
