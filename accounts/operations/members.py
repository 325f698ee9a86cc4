"""Members, their roles, and invitations."""

from datetime import datetime, timedelta
from functools import partial
from http import HTTPStatus

from django.db import transaction

from accounts.errors import InvalidRequest, NotAllowed, NotFound, Refusal
from accounts.models import ApiKey, Invitation, Membership, Organization, Role, User
from accounts.operations.audit import Actor, record
from accounts.operations.invitations import send_invitation
from accounts.operations.organizations import lock_organization
from accounts.queries import member

INVITATION_LIFETIME = timedelta(days=14)


class LastOwner(Refusal):
    """An organization without an owner could never be managed again."""

    code = "not_allowed"
    status = HTTPStatus.FORBIDDEN


def add_member(
    *, organization: Organization, user: User, role: Role, by: Actor, now: datetime
) -> Membership:
    """Make `user` a member. A unique constraint refuses a second membership."""
    with transaction.atomic():
        membership = Membership.objects.create(
            organization=organization, user=user, role=role, created_at=now
        )
        record(
            organization=organization,
            by=by,
            action="member.added",
            subject=user.public_id,
            at=now,
            after={"email": user.email, "role": role},
        )
    return membership


def set_role(
    *, organization: Organization, user_id: str, role: Role, by: Actor, now: datetime
) -> Membership:
    """Change what a member may do, from their next request on (R18).

    Raises NotFound for someone who is not a member, LastOwner for the only owner.
    """
    with transaction.atomic(durable=True):
        organization = lock_organization(organization)
        membership = member(organization, user_id)
        keep_an_owner(membership, role)
        return _change_role(membership, role, by=by, now=now)


def authorize_purchaser(
    *, organization: Organization, email: str, by: Actor, now: datetime
) -> Membership:
    """Let the member with this address buy and cancel units. Raises InvalidRequest, naming why."""
    with transaction.atomic(durable=True):
        organization = lock_organization(organization)
        membership = (
            organization.memberships.filter(user__email__iexact=email.strip())
            .select_related("user")
            .first()
        )
        if membership is None:
            raise InvalidRequest.field("email", f"{email} is not a member yet. Invite them first.")
        if membership.role != Role.MEMBER:
            raise InvalidRequest.field(
                "email", f"{email} may buy already, as {membership.get_role_display().lower()}."
            )
        return _change_role(membership, Role.PURCHASER, by=by, now=now)


def withdraw_purchaser(
    *, organization: Organization, user_id: str, by: Actor, now: datetime
) -> Membership:
    """Make an authorized purchaser a plain member again. Raises NotFound for anyone else."""
    with transaction.atomic(durable=True):
        organization = lock_organization(organization)
        membership = (
            organization.memberships.filter(user__public_id=user_id, role=Role.PURCHASER)
            .select_related("user")
            .first()
        )
        if membership is None:
            raise NotFound("There is no such authorized purchaser.")
        return _change_role(membership, Role.MEMBER, by=by, now=now)


def remove_member(*, organization: Organization, user_id: str, by: Actor, now: datetime) -> None:
    """End a membership; the person's keys for the organization stop working with it."""
    with transaction.atomic(durable=True):
        organization = lock_organization(organization)
        membership = member(organization, user_id)
        keep_an_owner(membership, None)
        membership.delete()
        ApiKey.objects.filter(
            organization=organization, user=membership.user, revoked_at__isnull=True
        ).update(revoked_at=now)
        record(
            organization=organization,
            by=by,
            action="member.removed",
            subject=user_id,
            at=now,
            before={"email": membership.user.email, "role": membership.role},
        )


def invite(
    *, organization: Organization, email: str, role: Role, by: Actor, now: datetime
) -> Invitation:
    """Ask someone to join. A second invitation to the same address replaces the first."""
    email = email.strip().lower()
    with transaction.atomic(durable=True):
        organization = lock_organization(organization)
        if Membership.objects.filter(organization=organization, user__email=email).exists():
            raise InvalidRequest.field("email", f"{email} is a member already.")
        Invitation.objects.filter(
            organization=organization, email=email, accepted_at__isnull=True
        ).delete()
        invitation = Invitation.objects.create(
            organization=organization,
            email=email,
            role=role,
            invited_by=by.person,
            created_at=now,
            expires_at=now + INVITATION_LIFETIME,
        )
        record(
            organization=organization,
            by=by,
            action="member.invited",
            subject=invitation.public_id,
            at=now,
            after={"email": email, "role": role},
        )
        # Robust: an invitation whose mail fails is still there, with its link, to be passed on.
        transaction.on_commit(partial(send_invitation, invitation), robust=True)
    return invitation


def accept_invitation(
    *, invitation: Invitation, name: str, password: str, by: Actor, now: datetime
) -> User:
    """Make the invited person a user and a member, unless they are; a role they have stays.

    Someone who is a user already must themselves accept. Raises NotFound when the invitation was
    used or replaced meanwhile, NotAllowed when someone else accepts.
    """
    with transaction.atomic(durable=True):
        organization = lock_organization(invitation.organization)
        open_one = Invitation.objects.filter(pk=invitation.pk, accepted_at__isnull=True).first()
        if open_one is None or open_one.expires_at <= now:
            raise NotFound("This invitation is no longer open. Ask for a new one.")
        user = User.objects.filter(email=open_one.email).first()
        if user is None:
            user = User.objects.create_user(open_one.email, password, name=name)
        elif user != by.user:
            raise NotAllowed(f"{user.email} signs in here already. Sign in as them to accept.")
        open_one.accepted_at = now
        open_one.save(update_fields=["accepted_at"])
        if not Membership.objects.filter(organization=organization, user=user).exists():
            role = Role(open_one.role)
            add_member(organization=organization, user=user, role=role, by=by, now=now)
    return user


def keep_an_owner(membership: Membership, role: Role | None) -> None:
    """Raises LastOwner where the only owner would become `role`, or leave with None.

    Under the organization's lock, or two owners could step down at once.
    """
    if membership.role != Role.OWNER or role == Role.OWNER:
        return
    owners = Membership.objects.filter(organization=membership.organization_id, role=Role.OWNER)
    if not owners.exclude(pk=membership.pk).exists():
        raise LastOwner(f"{membership.user} is the only owner. Make someone else an owner first.")


def _change_role(membership: Membership, role: Role, *, by: Actor, now: datetime) -> Membership:
    """What was read of the membership must have been read under the organization's lock."""
    before, membership.role = membership.role, role
    membership.save(update_fields=["role"])
    record(
        organization=membership.organization,
        by=by,
        action="member.role_changed",
        subject=membership.user.public_id,
        at=now,
        before={"role": before},
        after={"role": role},
    )
    return membership
