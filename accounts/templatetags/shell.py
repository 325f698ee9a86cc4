"""The frame around every page: navigation, icons, dates."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

from django import forms, template
from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from accounts.access import Permission, Visit
from accounts.models import Membership, User
from accounts.queries import memberships_of

register = template.Library()


@dataclass(frozen=True, slots=True)
class Place:
    """A page of Settings, and who may see it. The path of its route begins those of its parts."""

    label: str
    route: str
    permission: Permission


PLACES = (
    Place("Scale Tier", "scale_tier", Permission.SCALE_TIER),
    Place("Invoices", "invoices", Permission.LIMITS_AND_INVOICES),
    Place("Members", "members", Permission.MANAGE),
    Place("API keys", "api_keys", Permission.OWN_API_KEYS),
)

ACCOUNT_PLACES = (
    ("Password", "account_change_password"),
    ("Two-factor authentication", "mfa_index"),
    ("Sessions", "usersessions_list"),
)


@dataclass(frozen=True, slots=True)
class Link:
    """A place as a visitor sees it. `current` is what `aria-current` says."""

    label: str
    url: str
    current: str


@register.simple_tag
def settings_links(request: HttpRequest, visit: Visit) -> Sequence[Link]:
    """The places of Settings that this visitor may see."""
    here = visit.organization.public_id
    return [
        _link(request, place.label, reverse(place.route, args=[here]))
        for place in PLACES
        if visit.may(place.permission)
    ]


@register.simple_tag
def account_links(request: HttpRequest) -> Sequence[Link]:
    """The places of one's own account."""
    return [_link(request, label, reverse(route)) for label, route in ACCOUNT_PLACES]


def _link(request: HttpRequest, label: str, url: str) -> Link:
    here = "page" if request.path == url else "true"
    return Link(label, url, here if request.path.startswith(url) else "false")


@register.simple_tag
def organizations_of(user: User) -> Sequence[Membership]:
    """For the organization switcher."""
    return list(memberships_of(user))


@register.simple_tag
def icon(name: str) -> SafeString:
    """One of our own drawings; always decoration, so the text beside it must say everything."""
    return format_html(
        '<svg class="icon" aria-hidden="true" focusable="false"><use href="{}#{}"></use></svg>',
        static("icons.svg"),
        name,
    )


@register.filter
def day(value: date) -> SafeString:
    """A service day: `2026-02-09`. The page says once that days are UTC."""
    return format_html('<time datetime="{0}">{0}</time>', value.isoformat())


@register.filter
def instant(value: datetime) -> SafeString:
    """A moment to the minute: `2026-01-10 15:20`. The page says once that it is UTC."""
    at = value.astimezone(UTC)
    return format_html(
        '<time datetime="{}">{}</time>', at.strftime("%Y-%m-%dT%H:%M:%SZ"), f"{at:%Y-%m-%d %H:%M}"
    )


@register.filter
def sentence_case(text: str) -> str:
    """`Two-Factor Authentication`, as others write it, as we do: `Two-factor authentication`."""
    return re.sub(r"(?<=[\s-])[A-Z](?=[a-z])", lambda letter: letter[0].lower(), text.strip())


@register.filter
def without_placeholder(field: forms.BoundField) -> SafeString:
    """A control whose placeholder would but repeat its label."""
    return field.as_widget(attrs={"placeholder": False})


@register.simple_tag(takes_context=True)
def querystring_with(context: template.Context, name: str, value: int) -> str:
    """The page's own query with one parameter changed, without its question mark."""
    query = context["request"].GET.copy()
    query[name] = str(value)
    return str(query.urlencode())
