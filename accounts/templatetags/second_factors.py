"""What the pages of a person's second factors show besides what allauth gives them."""

from collections.abc import Iterable
from typing import Any

from allauth.mfa.models import Authenticator
from django import template

from accounts.models import Organization, User
from accounts.queries.members import memberships_of

register = template.Library()


@register.simple_tag
def organizations_requiring_second_factor(user: User) -> list[Organization]:
    """Return the person's organizations that require a second factor, by name (R24)."""
    return [
        membership.organization
        for membership in memberships_of(user)
        if membership.organization.requires_second_factor
    ]


@register.simple_tag
def wrapped(authenticators: Iterable[Authenticator]) -> list[Any]:
    """Return passkeys with their names, as allauth's page of all second factors has them."""
    return [authenticator.wrap() for authenticator in authenticators]
