"""Outbound emails: plain text, with one template for each kind.

A change enqueues an email; a task sends it later. The text is rendered when the email is sent. The
app that owns the data registers the function that makes the context, with `email_context`.
"""

import logging
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from django.conf import settings
from django.core.mail import EmailMessage
from django.db import transaction
from django.db.models import Q
from django.template.loader import render_to_string

from accounts.models import Membership, OutboundEmail, Role
from common.retries import wait_before_retry

logger = logging.getLogger(__name__)

Context = Callable[[OutboundEmail], dict[str, Any] | None]
CONTEXTS: dict[str, Context] = {}
RECIPIENT_ROLES = (Role.OWNER, Role.PURCHASER)
"""The roles that may see Scale Tier receive its emails."""


def email_context(kind: str) -> Callable[[Context], Context]:
    """Register the function that makes the context of `templates/mail/<kind>.txt`.

    The function returns None if the email is no longer needed; then nothing is sent.
    """

    def register(context: Context) -> Context:
        CONTEXTS[kind] = context
        return context

    return register


def enqueue_emails(*, kind: str, about: Mapping[int, str], now: datetime) -> None:
    """Enqueue one email for each organization in `about`, in the transaction of the change.

    `about` has the primary keys of organizations, and for each the public id or the date that its
    email is about. An email that is enqueued twice is stored once.
    """
    OutboundEmail.objects.bulk_create(
        (
            OutboundEmail(organization_id=organization, kind=kind, about=subject, created_at=now)
            for organization, subject in about.items()
        ),
        ignore_conflicts=True,
    )


def send_due_emails(*, now: datetime) -> int:
    """Try to send the emails that are due by the real time `now`; return how many were tried.

    The oldest are first. Several workers can run at once: each email is locked by one of them. An
    email that the mail server does not take is retried later and delays no other.
    """
    tried = 0
    while _send_next(now):
        tried += 1
    return tried


def _send_next(now: datetime) -> bool:
    """Lock one email, send it and mark it as sent. Return False if no email is due.

    Only the row of the email is locked. If the worker is killed before the commit, the email is
    sent again with the same Message-ID, so that mail programs show it once.
    """
    with transaction.atomic():
        email = (
            OutboundEmail.objects.select_for_update(skip_locked=True, of=("self",))
            .select_related("organization")
            .filter(Q(next_attempt_at=None) | Q(next_attempt_at__lte=now), sent_at=None)
            .order_by("pk")
            .first()
        )
        if email is None:
            return False
        context = CONTEXTS[email.kind](email)
        try:
            if context is not None:
                _message(email, context).send()
            email.sent_at = now
        except (
            OSError
        ):  # Errors of the network and of the mail server, rejections by SMTP included.
            logger.exception("email %s could not be sent", email.public_id)
            email.next_attempt_at = now + wait_before_retry(email.failures)
            email.failures += 1
        email.save(update_fields=["sent_at", "failures", "next_attempt_at"])
    return True


def _message(email: OutboundEmail, context: dict[str, Any]) -> EmailMessage:
    """Return the message. The first line of the template is the subject.

    Django does not send a message without recipients.
    """
    context |= {
        "organization": email.organization,
        "site": settings.PUBLIC_URL,
        "support": settings.SUPPORT_EMAIL,
    }
    subject, _, body = render_to_string(f"mail/{email.kind}.txt", context).partition("\n")
    recipients = Membership.objects.filter(
        organization=email.organization, role__in=RECIPIENT_ROLES
    )
    return EmailMessage(
        subject=subject,
        body=body.lstrip("\n"),
        from_email=settings.DEFAULT_FROM_EMAIL,
        to=list(recipients.order_by("pk").values_list("user__email", flat=True)),
        headers={"Message-ID": f"<{email.public_id}@{settings.MAIL_DOMAIN}>"},
    )
