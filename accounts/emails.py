"""The contexts of accounts' emails."""

from typing import Any
from uuid import uuid4

from django.conf import settings
from django.urls import reverse

from accounts.models import OutboundEmail
from accounts.operations.emails import email_context
from accounts.operations.invitations import renew_token
from accounts.queries.members import members_without_second_factor, pending_invitations


@email_context("second_factor_reset")
def second_factor_reset_context(_email: OutboundEmail) -> dict[str, Any]:
    """The page where a new second factor is set up."""
    return {"url": settings.PUBLIC_URL + reverse("mfa_index")}


@email_context("second_factor_required")
def second_factor_required_context(email: OutboundEmail) -> dict[str, Any] | None:
    """The date from which keys are refused; nothing if the member has a second factor by now."""
    assert email.organization, "this email is about an organization"
    refused_from = email.organization.keys_refused_from
    concerned = members_without_second_factor(email.organization)
    if refused_from is None or not concerned.filter(user__email=email.recipient).exists():
        return None
    return {"refused_from": refused_from, "url": settings.PUBLIC_URL + reverse("mfa_index")}


@email_context("second_factor_lifted")
def second_factor_lifted_context(email: OutboundEmail) -> dict[str, Any] | None:
    """The page where it can be required again; nothing if it is required again by now."""
    assert email.organization, "this email is about an organization"
    if email.organization.requires_second_factor:
        return None
    members = reverse("members", args=[email.organization.public_id])
    return {"url": settings.PUBLIC_URL + members}


@email_context("invitation")
def invitation_context(email: OutboundEmail) -> dict[str, Any] | None:
    """The invitation with its link, which exists in this email only.

    Each attempt has a new link, so each has a Message-ID of its own: a mail program that shows
    one of two would show the older, whose link may have ended.
    """
    assert email.organization, "this email is to somebody invited to the organization"
    invitation = pending_invitations(email.organization).filter(public_id=email.about).first()
    if invitation is None:
        return None
    url = settings.PUBLIC_URL + reverse("invitation", args=[renew_token(invitation)])
    return {"invitation": invitation, "url": url, "message_id": f"{email.public_id}.{uuid4().hex}"}
