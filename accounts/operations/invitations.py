"""Inviting people, withdrawing invitations, and accepting them.

The secret of an invitation is made when its email is sent, is in that email only, and is stored as
its digest: whoever accepts has read the mailbox.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from django.db import IntegrityError, connection, transaction

from accounts.models import Invitation, Membership, Organization, Role, User
from accounts.operations.audit import Actor
from accounts.operations.changes import Change, organization_change
from accounts.operations.emails import enqueue_email_to
from accounts.operations.members import create_membership
from accounts.queries.members import members, pending_invitations
from common.errors import InvalidRequest, NotAllowed, NotFound
from common.texts import is_mailable
from common.tokens import digest, new_token

INVITATION_LIFETIME = timedelta(days=14)


def invite(
    *,
    organization: Organization,
    email: str,
    role: Role,
    by: Actor,
    now: datetime,
    real_now: datetime,
) -> Invitation:
    """Invite someone by email. A second invitation to the same address replaces the first.

    It expires by the real time: a sandbox's clock may stand still for ever. Raises InvalidRequest
    for a member's address, and for one to which no email can be sent.
    """
    email = email.strip().lower()
    if not is_mailable(email):
        raise InvalidRequest.field("email", f"No email can be sent to {email}. Check the address.")
    with organization_change(organization=organization, by=by, now=now) as change:
        if members(change.organization).filter(user__email=email).exists():
            raise InvalidRequest.field("email", f"{email} is a member already.")
        pending_invitations(change.organization).filter(email=email).delete()
        invitation = Invitation.objects.create(
            organization=change.organization,
            email=email,
            role=role,
            invited_by=by.person,
            created_at=change.now,
            expires_at=real_now + INVITATION_LIFETIME,
        )
        _record_and_enqueue_email(change, invitation)
    return invitation


def _record_and_enqueue_email(change: Change, invitation: Invitation) -> None:
    after = {"email": invitation.email, "role": invitation.role}
    change.record("member.invited", invitation.public_id, after=after)
    enqueue_email_to(
        invitation.email,
        organization=change.organization,
        kind="invitation",
        about=invitation.public_id,
        now=change.now,
    )


def withdraw_invitation(
    *, organization: Organization, invitation_id: str, by: Actor, now: datetime
) -> None:
    """End an open invitation. Raises NotFound if it was accepted, replaced or withdrawn."""
    with organization_change(organization=organization, by=by, now=now) as change:
        invitation = (
            pending_invitations(change.organization).filter(public_id=invitation_id).first()
        )
        if invitation is None:
            raise NotFound("This invitation is no longer open.")
        invitation.delete()
        change.record(
            "invitation.withdrawn",
            invitation_id,
            before={"email": invitation.email, "role": invitation.role},
        )


def accept_invitation(
    *,
    invitation: Invitation,
    name: str,
    password: str,
    by: Actor,
    now: datetime,
    real_now: datetime,
) -> User:
    """Make the invited person a user and a member, unless they are; a role they have stays.

    Someone who is a user already must accept themselves. Raises NotFound when the invitation was
    used, replaced or withdrawn, or has expired; NotAllowed when someone else accepts.
    """
    with organization_change(organization=invitation.organization, by=by, now=now) as change:
        pending = pending_invitations(change.organization).filter(pk=invitation.pk).first()
        if pending is None or pending.expires_at <= real_now:
            raise NotFound("This invitation is no longer open. Ask for a new one.")
        user = User.objects.filter(email=pending.email).first()
        if user is None:
            user = _create_user(pending.email, password, name)
        elif user != by.user:
            raise _signs_in_already(user.email)
        pending.accepted_at = change.now
        pending.save(update_fields=["accepted_at"])
        if not Membership.objects.filter(organization=change.organization, user=user).exists():
            change.by = replace(by, user=user)  # A new person is nobody until now.
            create_membership(
                change,
                user=user,
                role=Role(pending.role),
                invitation=pending.public_id,
                invited_by=pending.invited_by.public_id,
            )
    return user


def _create_user(email: str, password: str, name: str) -> User:
    """Make a user. Raises NotAllowed if another organization's invitation did so meanwhile."""
    try:
        with transaction.atomic():
            return User.objects.create_user(email, password, name=name)
    except IntegrityError as error:
        raise _signs_in_already(email) from error


def _signs_in_already(email: str) -> NotAllowed:
    return NotAllowed(f"{email} signs in here already. Sign in as them to accept.")


def renew_token(invitation: Invitation) -> str:
    """Return a new secret for the link of an invitation; an earlier one no longer works.

    Called as its email is being sent, in the transaction that marks the email as sent.
    """
    assert connection.in_atomic_block, "a secret is stored with the email that carries it"
    token = new_token()
    invitation.token_digest = digest(token)
    invitation.save(update_fields=["token_digest"])
    return token
