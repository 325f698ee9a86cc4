"""Members and their roles."""

from datetime import datetime
from http import HTTPStatus

from django.db.models import Q

from accounts.models import ApiKey, Membership, Organization, Role, User
from accounts.operations.audit import Actor
from accounts.operations.changes import Change, organization_change
from accounts.queries.members import find_member, members, pending_invitations, purchasers
from common.errors import BusinessError, InvalidRequest, NotFound


class LastOwner(BusinessError):
    """The only owner cannot leave or get another role: nobody could manage the organization."""

    code = "not_allowed"
    status = HTTPStatus.FORBIDDEN


def add_member(
    *, organization: Organization, user: User, role: Role, by: Actor, now: datetime
) -> Membership:
    """Make `user` a member. A unique constraint refuses a second membership."""
    with organization_change(organization=organization, by=by, now=now) as change:
        return create_membership(change, user=user, role=role)


def create_membership(change: Change, *, user: User, role: Role, **details: str) -> Membership:
    """Make `user` a member, as a step of a change. `details` go to the audit entry too."""
    membership = Membership.objects.create(
        organization=change.organization, user=user, role=role, created_at=change.now
    )
    after = {"email": user.email, "role": role, **details}
    change.record("member.added", user.public_id, after=after)
    return membership


def set_role(
    *, organization: Organization, user_id: str, role: Role, by: Actor, now: datetime
) -> Membership:
    """Change what a member may do, from their next request on (R18).

    Raises NotFound for someone who is not a member, LastOwner for the only owner.
    """
    with organization_change(organization=organization, by=by, now=now) as change:
        membership = find_member(change.organization, user_id)
        check_owner_remains(membership, role)
        if membership.role == Role.OWNER != role:
            _end_invitations(change, membership.user)
        return _change_role(change, membership, role)


def authorize_purchaser(
    *, organization: Organization, email: str, by: Actor, now: datetime
) -> Membership:
    """Let the member with this address buy and cancel units.

    Raises InvalidRequest for an address of no member, or of somebody who may buy already.
    """
    with organization_change(organization=organization, by=by, now=now) as change:
        membership = members(change.organization).filter(user__email__iexact=email.strip()).first()
        if membership is None:
            raise InvalidRequest.field("email", f"{email} is not a member yet. Invite them first.")
        if membership.role != Role.MEMBER:
            raise InvalidRequest.field(
                "email", f"{email} may buy already, as {membership.get_role_display().lower()}."
            )
        return _change_role(change, membership, Role.PURCHASER)


def withdraw_purchaser(
    *, organization: Organization, user_id: str, by: Actor, now: datetime
) -> Membership:
    """Make an authorized purchaser a plain member again. Raises NotFound for anyone else."""
    with organization_change(organization=organization, by=by, now=now) as change:
        membership = purchasers(change.organization).filter(user__public_id=user_id).first()
        if membership is None:
            raise NotFound("There is no such authorized purchaser.")
        return _change_role(change, membership, Role.MEMBER)


def remove_member(*, organization: Organization, user_id: str, by: Actor, now: datetime) -> None:
    """Remove a member and revoke their API keys for the organization.

    Raises NotFound for someone who is not a member, LastOwner for the only owner.
    """
    with organization_change(organization=organization, by=by, now=now) as change:
        membership = find_member(change.organization, user_id)
        check_owner_remains(membership, None)
        membership.delete()
        ApiKey.objects.filter(
            organization=change.organization, user=membership.user, revoked_at__isnull=True
        ).update(revoked_at=change.now)
        _end_invitations(change, membership.user)
        change.record(
            "member.removed",
            user_id,
            before={"email": membership.user.email, "role": membership.role},
        )


def check_owner_remains(membership: Membership, role: Role | None) -> None:
    """Raises LastOwner if `membership` is the only owner and `role` is another one or None (leave).

    Owners who are deactivated do not count: they cannot sign in. Call it with the organization
    locked: otherwise two owners could leave at the same moment.
    """
    if membership.role != Role.OWNER or role == Role.OWNER:
        return
    owners = Membership.objects.filter(
        organization=membership.organization_id, role=Role.OWNER, user__is_active=True
    )
    if not owners.exclude(pk=membership.pk).exists():
        raise LastOwner(f"{membership.user} is the only owner. Make someone else an owner first.")


def _end_invitations(change: Change, user: User) -> None:
    """End the open invitations that a former owner made, or that would bring them back."""
    pending = pending_invitations(change.organization)
    pending.filter(Q(invited_by=user) | Q(email=user.email)).delete()


def _change_role(change: Change, membership: Membership, role: Role) -> Membership:
    before, membership.role = membership.role, role
    membership.save(update_fields=["role"])
    change.record(
        "member.role_changed",
        membership.user.public_id,
        before={"role": before},
        after={"role": role},
    )
    return membership
