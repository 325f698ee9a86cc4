"""Inviting people, and accepting invitations."""

from datetime import datetime, timedelta
from functools import partial

from django.conf import settings
from django.core.mail import send_mail
from django.db import transaction
from django.template.loader import render_to_string
from django.urls import reverse

from accounts.models import Invitation, Membership, Organization, Role, User
from accounts.operations.audit import Actor
from accounts.operations.changes import organization_change
from accounts.operations.members import create_membership
from common.errors import InvalidRequest, NotAllowed, NotFound

INVITATION_LIFETIME = timedelta(days=14)


def invite(
    *, organization: Organization, email: str, role: Role, by: Actor, now: datetime
) -> Invitation:
    """Invite a person by email. A second invitation to the same address replaces the first.

    Raises InvalidRequest if the person is a member already.
    """
    email = email.strip().lower()
    with organization_change(organization=organization, by=by, now=now) as change:
        if Membership.objects.filter(organization=change.organization, user__email=email).exists():
            raise InvalidRequest.field("email", f"{email} is a member already.")
        Invitation.objects.filter(
            organization=change.organization, email=email, accepted_at__isnull=True
        ).delete()
        invitation = Invitation.objects.create(
            organization=change.organization,
            email=email,
            role=role,
            invited_by=by.person,
            created_at=change.now,
            expires_at=change.now + INVITATION_LIFETIME,
        )
        change.record("member.invited", invitation.public_id, after={"email": email, "role": role})
        # Robust: if the email fails, the invitation exists, and an owner can pass its link on.
        transaction.on_commit(partial(_send, invitation), robust=True)
    return invitation


def accept_invitation(
    *, invitation: Invitation, name: str, password: str, by: Actor, now: datetime
) -> User:
    """Make the invited person a user and a member, and return the user.

    An existing user must be signed in to accept. An existing member keeps their role. Raises
    NotFound if the invitation was used, was replaced or has expired, and NotAllowed if somebody
    else accepts.
    """
    with organization_change(organization=invitation.organization, by=by, now=now) as change:
        pending = Invitation.objects.filter(pk=invitation.pk, accepted_at__isnull=True).first()
        if pending is None or pending.expires_at <= change.now:
            raise NotFound("This invitation is no longer open. Ask for a new one.")
        user = User.objects.filter(email=pending.email).first()
        if user is None:
            user = User.objects.create_user(pending.email, password, name=name)
        elif user != by.user:
            raise NotAllowed(f"{user.email} signs in here already. Sign in as them to accept.")
        pending.accepted_at = change.now
        pending.save(update_fields=["accepted_at"])
        if not Membership.objects.filter(organization=change.organization, user=user).exists():
            create_membership(change, user=user, role=Role(pending.role))
    return user


def _send(invitation: Invitation) -> None:
    """Send the link by email. It runs after the commit: no transaction waits for the network."""
    url = settings.PUBLIC_URL + reverse("invitation", args=[invitation.public_id])
    text = render_to_string("mail/invitation.txt", {"invitation": invitation, "url": url})
    send_mail(
        f"Join {invitation.organization} on Scale Tier",
        text,
        settings.DEFAULT_FROM_EMAIL,
        [invitation.email],
    )
