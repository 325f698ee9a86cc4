"""Links from anything to its own history in the audit log."""

from typing import Any
from urllib.parse import urlencode

from django import template
from django.urls import reverse

from accounts.access import AccessContext, Permission

register = template.Library()


@register.simple_tag(takes_context=True)
def history_url(context: template.Context, subject: Any) -> str:
    """Return the address of the entries about a public id; empty for who may not read the log."""
    access: AccessContext = context["request"].access
    if not access.may(Permission.MANAGE):
        return ""
    log = reverse("audit", args=[access.organization.public_id])
    return f"{log}?{urlencode({'entries-subject': subject})}"
