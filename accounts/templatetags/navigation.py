"""The navigation links of every page that the person may see, with what waits for them there."""

from collections.abc import Sequence
from dataclasses import dataclass

from django import template
from django.db.models.expressions import Combinable
from django.http import HttpRequest
from django.urls import reverse

from accounts.access import AccessContext, Permission
from accounts.models import Membership, User
from accounts.queries.members import memberships_of

register = template.Library()


@dataclass(frozen=True, slots=True)
class SettingsPage:
    """A page of Settings, and the permission it needs. Its subpages have paths below its own."""

    label: str
    route: str
    permission: Permission


SETTINGS_PAGES = (
    SettingsPage("Scale Tier", "scale_tier", Permission.SCALE_TIER),
    SettingsPage("Usage", "usage", Permission.USAGE),
    SettingsPage("Plan capacity", "plan_capacity", Permission.SCALE_TIER),
    SettingsPage("Purchase requests", "purchase_requests", Permission.SCALE_TIER),
    SettingsPage("Order form", "order_form", Permission.MANAGE),
    SettingsPage("Limits", "limits", Permission.LIMITS_AND_INVOICES),
    SettingsPage("Forecast", "forecast", Permission.SCALE_TIER),
    SettingsPage("Invoices", "invoices", Permission.LIMITS_AND_INVOICES),
    SettingsPage("Showback", "showback", Permission.USAGE),
    SettingsPage("Billing details", "billing_details", Permission.MANAGE),
    SettingsPage("Projects", "projects", Permission.MANAGE),
    SettingsPage("Members", "members", Permission.MANAGE),
    SettingsPage("API keys", "api_keys", Permission.OWN_API_KEYS),
    SettingsPage("Audit log", "audit", Permission.MANAGE),
)

ACCOUNT_PAGES = (
    ("Password", "account_change_password"),
    ("Two-factor authentication", "mfa_index"),
    ("Sessions", "usersessions_list"),
)


@dataclass(frozen=True, slots=True)
class Link:
    """A link of the navigation. `current` is the value of `aria-current`."""

    label: str
    url: str
    current: str
    waiting: int = 0
    """How much waits for the person on the page."""


_waiting: dict[str, Combinable] = {}


def count_waiting(route: str, expression: Combinable) -> None:
    """Show beside the link to a page how much waits there for the person.

    `expression` is for queries of memberships; it is counted in the statement that reads the
    person's memberships for the menu. `scaletier.apps` calls this when the process starts.
    """
    _waiting[f"waiting_{route}"] = expression


@register.simple_tag
def settings_links(
    request: HttpRequest, access: AccessContext, memberships: Sequence[Membership]
) -> Sequence[Link]:
    """Return links to the pages of Settings that this person may see.

    `memberships` are those of `organizations_of`.
    """
    here = access.organization.public_id
    own = next((row for row in memberships if row.pk == access.membership.pk), None)
    return [
        _link(
            request,
            page.label,
            reverse(page.route, args=[here]),
            waiting=getattr(own, f"waiting_{page.route}", 0),
        )
        for page in SETTINGS_PAGES
        if access.may(page.permission)
    ]


@register.simple_tag
def account_links(request: HttpRequest) -> Sequence[Link]:
    """Return links to the pages of the person's own account."""
    return [_link(request, label, reverse(route)) for label, route in ACCOUNT_PAGES]


def _link(request: HttpRequest, label: str, url: str, *, waiting: int = 0) -> Link:
    current = "page" if request.path == url else "true"
    return Link(label, url, current if request.path.startswith(url) else "false", waiting)


@register.simple_tag
def organizations_of(user: User) -> Sequence[Membership]:
    """Return the person's memberships, for the menu that switches between organizations."""
    return list(memberships_of(user).annotate(**_waiting))
