"""Telling organizations what happened: plain mail, one template a kind, sent once.

A change announces; a task sends later. What a mail says is read when it is sent, by the function
that the app which owns the facts registers with `says`.
"""

import logging
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.core.mail import EmailMessage
from django.db import transaction
from django.db.models import Q
from django.template.loader import render_to_string

from accounts.models import Membership, Notice, Role

logger = logging.getLogger(__name__)

FIRST_WAIT, LONGEST_WAIT = timedelta(minutes=1), timedelta(hours=6)

Context = Callable[[Notice], dict[str, Any] | None]
CONTEXTS: dict[str, Context] = {}
READERS = (Role.OWNER, Role.PURCHASER)
"""Who may see Scale Tier may read its mail (contract, section 3)."""


def says(kind: str) -> Callable[[Context], Context]:
    """Register what a kind of notice says: the context of `templates/mail/<kind>.txt`.

    None means that there is nothing to say any more, and nothing is sent.
    """

    def register(context: Context) -> Context:
        CONTEXTS[kind] = context
        return context

    return register


def announce(*, organizations: Iterable[int], kind: str, subject: str, now: datetime) -> None:
    """Owe each organization a mail, in the transaction of what it tells of. Twice is once."""
    Notice.objects.bulk_create(
        (
            Notice(organization_id=organization, kind=kind, subject=subject, created_at=now)
            for organization in organizations
        ),
        ignore_conflicts=True,
    )


def send_due_notices(*, now: datetime) -> int:
    """Try what is owed by the real time `now`, oldest first, and return how many mails were tried.

    Senders share the work. A mail that cannot be sent is put off, and holds up no other.
    """
    tried = 0
    while _try_next(now):
        tried += 1
    return tried


def _try_next(now: datetime) -> bool:
    """One mail: locked, sent, stamped. A sender that dies in between leaves it to be sent again,
    under the same Message-ID, so that mail programs show it once. The lock is the mail's own."""
    with transaction.atomic():
        notice = (
            Notice.objects.select_for_update(skip_locked=True, of=("self",))
            .select_related("organization")
            .filter(Q(next_attempt_at=None) | Q(next_attempt_at__lte=now), sent_at=None)
            .order_by("pk")
            .first()
        )
        if notice is None:
            return False
        context = CONTEXTS[notice.kind](notice)
        try:
            if context is not None:
                _message(notice, context).send()
            notice.sent_at = now
        except OSError:  # What mail servers and networks raise, SMTP's refusals included.
            logger.exception("mail %s could not be sent", notice.public_id)
            wait = min(FIRST_WAIT * 2 ** min(notice.failures, 16), LONGEST_WAIT)
            notice.failures += 1
            notice.next_attempt_at = now + wait
        notice.save(update_fields=["sent_at", "failures", "next_attempt_at"])
    return True


def _message(notice: Notice, context: dict[str, Any]) -> EmailMessage:
    """The template's first line is the subject. Without readers it goes nowhere."""
    context |= {
        "organization": notice.organization,
        "site": settings.PUBLIC_URL,
        "support": settings.SUPPORT_EMAIL,
    }
    subject, _, body = render_to_string(f"mail/{notice.kind}.txt", context).partition("\n")
    readers = Membership.objects.filter(organization=notice.organization, role__in=READERS)
    return EmailMessage(
        subject=subject,
        body=body.lstrip("\n"),
        from_email=settings.DEFAULT_FROM_EMAIL,
        to=list(readers.order_by("pk").values_list("user__email", flat=True)),
        headers={"Message-ID": f"<{notice.public_id}@{settings.MAIL_DOMAIN}>"},
    )
