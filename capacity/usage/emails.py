"""The contexts of the emails about usage. Each is to one owner, with a link that turns it off."""

from datetime import datetime
from typing import Any

from django.conf import settings
from django.urls import reverse

from accounts.models import Membership, OutboundEmail, Role
from accounts.operations.emails import email_context
from capacity.usage.models import UsageMail
from capacity.usage.operations.mails import turn_off_address
from capacity.usage.queries.alerts import alerts_found_at, mails_wanted
from capacity.usage.queries.callouts import callouts


@email_context(UsageMail.SUMMARY)
def usage_summary_context(email: OutboundEmail) -> dict[str, Any] | None:
    """What stands out now; None if nothing does any more, or the owner turned the email off."""
    context = _context(email, UsageMail.SUMMARY)
    assert email.organization, "this email is about an organization's usage"
    if context is None:
        return None
    found = callouts(email.organization, now=email.organization.now())
    return context | {"callouts": found} if found else None


@email_context(UsageMail.ALERTS)
def usage_alerts_context(email: OutboundEmail) -> dict[str, Any] | None:
    """The alerts that were found together; None if the owner turned these emails off."""
    context = _context(email, UsageMail.ALERTS)
    assert email.organization, "this email is about an organization's usage"
    if context is None:
        return None
    at = datetime.fromisoformat(email.about.partition(" ")[0])
    alerts = alerts_found_at(email.organization, at)
    return context | {"alerts": alerts} if alerts else None


def _context(email: OutboundEmail, mail: UsageMail) -> dict[str, Any] | None:
    """Return the links of an email to an owner; None if they are no owner, or do not want it."""
    organization = email.organization
    assert organization, "this email is about an organization's usage"
    owner = (
        Membership.objects.filter(
            organization=organization,
            user__public_id=email.about.partition(" ")[2],
            user__is_active=True,
            role=Role.OWNER,
        )
        .select_related("user")
        .first()
    )
    if owner is None or mail not in mails_wanted(organization, owner.user):
        return None
    turn_off = turn_off_address(organization, owner.user, mail)
    here = organization.public_id
    return {
        "recipients": [owner.user.email],
        "turn_off": turn_off,
        "scale_tier": settings.PUBLIC_URL + reverse("scale_tier", args=[here]),
        "usage": settings.PUBLIC_URL + reverse("usage", args=[here]),
        "alerts_page": settings.PUBLIC_URL + reverse("usage_alerts", args=[here]),
        "headers": {
            "List-Unsubscribe": f"<{turn_off}>",
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        },
    }
