"""The navigation links of every page that the person may see."""

from collections.abc import Sequence
from dataclasses import dataclass

from django import template
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
    SettingsPage("Limits", "limits", Permission.LIMITS_AND_INVOICES),
    SettingsPage("Forecast", "forecast", Permission.SCALE_TIER),
    SettingsPage("Invoices", "invoices", Permission.LIMITS_AND_INVOICES),
    SettingsPage("Members", "members", Permission.MANAGE),
    SettingsPage("API keys", "api_keys", Permission.OWN_API_KEYS),
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


@register.simple_tag
def settings_links(request: HttpRequest, access: AccessContext) -> Sequence[Link]:
    """Return links to the pages of Settings that this person may see."""
    organization_id = access.organization.public_id
    return [
        _link(request, page.label, reverse(page.route, args=[organization_id]))
        for page in SETTINGS_PAGES
        if access.may(page.permission)
    ]


@register.simple_tag
def account_links(request: HttpRequest) -> Sequence[Link]:
    """Return links to the pages of the person's own account."""
    return [_link(request, label, reverse(route)) for label, route in ACCOUNT_PAGES]


def _link(request: HttpRequest, label: str, url: str) -> Link:
    current = "page" if request.path == url else "true"
    return Link(label, url, current if request.path.startswith(url) else "false")


@register.simple_tag
def organizations_of(user: User) -> Sequence[Membership]:
    """Return the person's memberships, for the menu that switches between organizations."""
    return list(memberships_of(user))
