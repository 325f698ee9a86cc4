"""Telling people that they are invited."""

from django.conf import settings
from django.core.mail import send_mail
from django.template.loader import render_to_string
from django.urls import reverse

from accounts.models import Invitation


def send_invitation(invitation: Invitation) -> None:
    """Mail the link, once the invitation is committed: the network has no place in a change."""
    url = settings.PUBLIC_URL + reverse("invitation", args=[invitation.public_id])
    text = render_to_string("mail/invitation.txt", {"invitation": invitation, "url": url})
    send_mail(
        f"Join {invitation.organization} on Scale Tier",
        text,
        settings.DEFAULT_FROM_EMAIL,
        [invitation.email],
    )
