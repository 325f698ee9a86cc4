"""Inviting people, sending invitations again, withdrawing and accepting them.

The secret of an invitation is made when its email is sent, is in that email only, and is stored as
its digest: whoever accepts has read the mailbox.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from django.db import IntegrityError, connection, transaction
from django.db.models import Q

from accounts.models import Invitation, Membership, Organization, OutboundEmail, Role, User
from accounts.operations.audit import Actor
from accounts.operations.changes import Change, organization_change
from accounts.operations.emails import enqueue_email_to
from accounts.operations.members import create_membership
from accounts.queries.members import find_pending_invitation, members, pending_invitations
from common.errors import InvalidRequest, NotAllowed, NotFound
from common.texts import is_mailable
from common.tokens import digest, new_token

INVITATION_LIFETIME = timedelta(days=14)
MOST_EMAILS_AN_HOUR = 5
"""From one organization to one address: nobody is flooded by an owner, or by their script."""


class TooManyInvitations(InvalidRequest):
    """This address got several invitations of the organization just now."""


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
    for a member's address, and for one to which no email can be sent; TooManyInvitations.
    """
    email = email.strip().lower()
    if not is_mailable(email):
        raise InvalidRequest.field("email", f"No email can be sent to {email}. Check the address.")
    with organization_change(organization=organization, by=by, now=now) as change:
        if members(change.organization).filter(user__email=email).exists():
            raise InvalidRequest.field("email", f"{email} is a member already.")
        return _create_invitation(change, email=email, role=role, real_now=real_now)


def resend_invitation(
    *, organization: Organization, invitation_id: str, by: Actor, now: datetime, real_now: datetime
) -> Invitation:
    """Send an invitation again, expired or not: a new one, with a new secret, in its place.

    The old link stops working at once. Raises NotFound if it was accepted, replaced or withdrawn;
    TooManyInvitations.
    """
    with organization_change(organization=organization, by=by, now=now) as change:
        old = find_pending_invitation(change.organization, invitation_id)
        return _create_invitation(
            change, email=old.email, role=Role(old.role), real_now=real_now, replaces=invitation_id
        )


def _create_invitation(
    change: Change, *, email: str, role: Role, real_now: datetime, **details: str
) -> Invitation:
    """Make an invitation in place of the one that is pending; `details` go to the audit entry."""
    _check_not_flooded(change.organization, email, real_now)
    pending_invitations(change.organization).filter(email=email).delete()
    invitation = Invitation.objects.create(
        organization=change.organization,
        email=email,
        role=role,
        invited_by=change.by.person,
        created_at=change.now,
        expires_at=real_now + INVITATION_LIFETIME,
    )
    after = {"email": email, "role": role, **details}
    change.record("member.invited", invitation.public_id, after=after)
    _enqueue_email(change, invitation)
    return invitation


def _check_not_flooded(organization: Organization, email: str, real_now: datetime) -> None:
    """Raises TooManyInvitations. Emails that wait to be sent count, as they will be sent."""
    recent = Q(sent_at=None) | Q(sent_at__gt=real_now - timedelta(hours=1))
    emails = OutboundEmail.objects.filter(
        recent, organization=organization, kind="invitation", recipient=email
    )
    if emails.count() >= MOST_EMAILS_AN_HOUR:
        raise TooManyInvitations.field(
            "email",
            f"{MOST_EMAILS_AN_HOUR} invitations to {email} were made within an hour. "
            "Wait an hour before you send another.",
        )


def _enqueue_email(change: Change, invitation: Invitation) -> None:
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
        invitation = find_pending_invitation(change.organization, invitation_id)
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
