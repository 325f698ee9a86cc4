"""Telling organizations what happened: plain mail, one template a kind, sent once.

A change announces; a task sends later. What a mail says is read when it is sent, by the function
that the app which owns the facts registers with `says`.
"""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.core.mail import EmailMessage
from django.db import transaction
from django.template.loader import render_to_string

from accounts.models import Membership, Notice, Role

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


def send_due_notices() -> int:
    """Send what is owed, oldest first, and return how many. Senders share the work."""
    sent = 0
    while _send_next():
        sent += 1
    return sent


def _send_next() -> bool:
    """One mail: locked, sent, stamped. A sender that dies in between leaves it to be sent again,
    under the same Message-ID, so that mail programs show it once."""
    with transaction.atomic():
        notice = (
            Notice.objects.select_for_update(skip_locked=True, of=("self",))
            .select_related("organization")
            .filter(sent_at=None)
            .order_by("pk")
            .first()
        )
        if notice is None:
            return False
        context = CONTEXTS[notice.kind](notice)
        if context is not None:
            _message(notice, context).send()
        notice.sent_at = datetime.now(UTC)
        notice.save(update_fields=["sent_at"])
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
