"""Outbound emails: plain text, one template for each kind, each sent once.

An operation enqueues an email, and a task sends it later. The text is made when it is sent, from
the context that the app with the data registers with `email_context`.
"""

import logging
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

from django.conf import settings
from django.core.mail import EmailMessage
from django.db import transaction
from django.db.models import Q
from django.template.loader import render_to_string

from accounts.models import Membership, Organization, OutboundEmail, Role
from accounts.operations.audit import Actor, record
from common.retries import wait_before_retry
from common.texts import is_mailable

logger = logging.getLogger(__name__)

Context = Callable[[OutboundEmail], dict[str, Any] | None]
CONTEXTS: dict[str, Context] = {}
RECIPIENT_ROLES = (Role.OWNER, Role.PURCHASER)
"""The roles that may see Scale Tier. They receive its emails."""


def email_context(kind: str) -> Callable[[Context], Context]:
    """Register the function that returns the context of `templates/mail/<kind>.txt`.

    It is called in the transaction that marks the email as sent. If it returns None, there is no
    longer anything to say, and no email is sent.
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
    enqueue_each_email(kind=kind, about=about.items(), now=now)


def enqueue_each_email(*, kind: str, about: Iterable[tuple[int, str]], now: datetime) -> None:
    """Enqueue emails like `enqueue_emails`, of which an organization may have several."""
    OutboundEmail.objects.bulk_create(
        (
            OutboundEmail(organization_id=organization, kind=kind, about=subject, created_at=now)
            for organization, subject in about
        ),
        ignore_conflicts=True,
    )


def enqueue_email_to(
    recipient: str, *, organization: Organization, kind: str, about: str, now: datetime
) -> None:
    """Enqueue an email to one address, in the transaction of its cause. Twice is once."""
    enqueue_email_to_each({recipient: about}, organization=organization, kind=kind, now=now)


def enqueue_email_to_each(
    about: Mapping[str, str], *, organization: Organization, kind: str, now: datetime
) -> None:
    """Enqueue an email to each address of `about`, in the transaction of its cause. Twice is once.

    `about` gives, by address, what the email tells of, different for each address.
    """
    OutboundEmail.objects.bulk_create(
        (
            OutboundEmail(
                organization=organization,
                kind=kind,
                about=subject,
                recipient=recipient,
                created_at=now,
            )
            for recipient, subject in about.items()
        ),
        ignore_conflicts=True,
    )


def send_due_emails(*, now: datetime) -> int:
    """Try the emails that are due by the real time `now`; return how many were tried.

    The oldest are first. Several workers can run at once: each email is locked by one of them.
    Whatever fails for one email, it is retried later, with the reason, and delays no other.
    """
    tried = 0
    while _send_next(now):
        tried += 1
    return tried


def retry_email(*, email: OutboundEmail, by: Actor, now: datetime) -> bool:
    """Let the next run try an email that has failed; return False if it was sent meanwhile.

    `now` is the organization's time. No due days are opened: an organization whose day cannot be
    opened still gets its mail.
    """
    with transaction.atomic(durable=True):
        unsent = OutboundEmail.objects.filter(pk=email.pk, sent_at=None)
        is_unsent = bool(unsent.update(next_attempt_at=None))
        if is_unsent:
            record(
                organization=email.organization,
                by=by,
                action="email.retried",
                subject=email.public_id,
                at=now,
            )
    return is_unsent


def _send_next(now: datetime) -> bool:
    """Lock one email, send it and mark it as sent. Return False if no email is due.

    The row of the email stays locked while the mail server is spoken to, and that of an invitation
    with it, for EMAIL_TIMEOUT at most. If the worker is killed before the commit, the email is sent
    again with the same Message-ID, so that mail programs show it once; a context can give another.
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
        try:
            with transaction.atomic():  # An error of the database undoes this part alone.
                _send(email)
        except Exception as error:
            logger.exception("email %s could not be sent", email.public_id)
            email.last_error = f"{type(error).__name__}: {error}"
            email.next_attempt_at = now + wait_before_retry(email.failures)
            email.failures += 1
        else:
            email.last_error = ""
            email.sent_at = now
        email.save(update_fields=["sent_at", "failures", "last_error", "next_attempt_at"])
    return True


def _send(email: OutboundEmail) -> None:
    context = CONTEXTS[email.kind](email)
    if context is not None:
        _message(email, context).send()


def _message(email: OutboundEmail, context: dict[str, Any]) -> EmailMessage:
    """Return the message. The first line of the template is the subject.

    Django does not send a message without recipients.
    """
    context |= {
        "organization": email.organization,
        "site": settings.PUBLIC_URL,
        "support": settings.SUPPORT_EMAIL,
    }
    message_id = context.get("message_id", email.public_id)
    subject, _, body = render_to_string(f"mail/{email.kind}.txt", context).partition("\n")
    return EmailMessage(
        subject=" ".join(subject.split()),
        body=body.lstrip("\n"),
        from_email=settings.DEFAULT_FROM_EMAIL,
        to=_recipients(email, context),
        headers={
            "Message-ID": f"<{message_id}@{settings.MAIL_DOMAIN}>",
            **context.get("headers", {}),
        },
        attachments=context.get("attachments", ()),
    )


def _recipients(email: OutboundEmail, context: dict[str, Any]) -> list[str]:
    """Return the addresses, without those that cannot be mailed: the others get the email.

    `recipients` of the context are all of them, `also_to` are others besides the members.
    """
    if email.recipient:
        return [email.recipient]
    if "recipients" in context:
        return list(context["recipients"])
    people = Membership.objects.filter(
        organization=email.organization, role__in=RECIPIENT_ROLES, user__is_active=True
    )
    addresses = people.order_by("pk").values_list("user__email", flat=True)
    everyone = dict.fromkeys([*addresses, *context.get("also_to", ())])
    return [address for address in everyone if is_mailable(address)]
