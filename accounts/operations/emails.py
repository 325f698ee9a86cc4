"""Outbound emails: plain text, one template a kind, each sent once.

A change enqueues an email; a task sends it later. Its text is made when it is sent, from the
context that the app which owns the facts registers with `email_context`.
"""

import logging
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.core.mail import EmailMessage
from django.db import transaction
from django.db.models import Q
from django.template.loader import render_to_string

from accounts.models import Membership, OutboundEmail, Role

logger = logging.getLogger(__name__)

FIRST_WAIT, LONGEST_WAIT = timedelta(minutes=1), timedelta(hours=6)

Context = Callable[[OutboundEmail], dict[str, Any] | None]
CONTEXTS: dict[str, Context] = {}
RECIPIENT_ROLES = (Role.OWNER, Role.PURCHASER)
"""Those who may see Scale Tier receive its emails."""


def email_context(kind: str) -> Callable[[Context], Context]:
    """Register the function that makes the context of `templates/mail/<kind>.txt`.

    When it returns None there is nothing to say any more, and nothing is sent.
    """

    def register(context: Context) -> Context:
        CONTEXTS[kind] = context
        return context

    return register


def enqueue_emails(*, kind: str, about: Mapping[int, str], now: datetime) -> None:
    """Enqueue one email for each organization of `about`, in the transaction of its cause.

    `about` gives, by organization key, the public id or date of what the email tells of. An email
    that is enqueued twice is sent once.
    """
    OutboundEmail.objects.bulk_create(
        (
            OutboundEmail(organization_id=organization, kind=kind, about=subject, created_at=now)
            for organization, subject in about.items()
        ),
        ignore_conflicts=True,
    )


def send_due_emails(*, now: datetime) -> int:
    """Try the emails that are due by the real time `now`, oldest first; return how many.

    Senders share the work. An email that cannot be sent is retried later and delays no other.
    """
    tried = 0
    while _send_next(now):
        tried += 1
    return tried


def _send_next(now: datetime) -> bool:
    """Lock one email, send it, and mark it as sent; the lock is on its own row alone.

    After a crash in between it is sent again under the same Message-ID, so that mail programs
    show it once.
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
        except OSError:  # What mail servers and networks raise, SMTP's rejections included.
            logger.exception("email %s could not be sent", email.public_id)
            wait = min(FIRST_WAIT * 2 ** min(email.failures, 16), LONGEST_WAIT)
            email.failures += 1
            email.next_attempt_at = now + wait
        email.save(update_fields=["sent_at", "failures", "next_attempt_at"])
    return True


def _message(email: OutboundEmail, context: dict[str, Any]) -> EmailMessage:
    """Make the message, whose subject is the template's first line.

    Without recipients nothing is sent.
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
