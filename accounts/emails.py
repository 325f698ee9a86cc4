"""The contexts of accounts' emails."""

from typing import Any
from uuid import uuid4

from django.conf import settings
from django.urls import reverse

from accounts.models import OutboundEmail
from accounts.operations.emails import email_context
from accounts.operations.invitations import renew_token
from accounts.queries.members import pending_invitations


@email_context("second_factor_reset")
def second_factor_reset_context(_email: OutboundEmail) -> dict[str, Any]:
    """The page where a new second factor is set up."""
    return {"url": settings.PUBLIC_URL + reverse("mfa_index")}


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
