"""Sets up organizations with people, for `manage.py sandbox` and the demo."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from accounts.models import Organization, Role, User
from accounts.operations.api_keys import create_api_key
from accounts.operations.audit import Actor
from accounts.operations.members import add_member
from accounts.operations.organizations import create_organization
from billing.operations.order_forms import create_order_form, sign_order_form

COMMAND = Actor("command")


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a person signs in with, in the browser and at the API."""

    email: str
    name: str
    role: str
    password: str
    api_key: str | None = None


@dataclass(frozen=True, slots=True)
class OrderTerms:
    """The terms of the order form."""

    anchor_day: int = 1
    discount_percent: Decimal = Decimal(0)


def set_up_organization(
    *, name: str, now: datetime, is_sandbox: bool, terms: OrderTerms | None
) -> Organization:
    """Create an organization, with a signed order form from that day on unless `terms` is None."""
    organization = create_organization(name=name, by=COMMAND, now=now, is_sandbox=is_sandbox)
    if terms:
        form = create_order_form(
            organization=organization,
            starts_on=now.date(),
            by=COMMAND,
            now=now,
            anchor_day=terms.anchor_day,
            discount_percent=terms.discount_percent,
        )
        sign_order_form(form=form, signed_name=f"{name}, its owner", by=COMMAND, now=now)
    return organization


def add_person(
    organization: Organization, *, email: str, name: str, role: Role, password: str, now: datetime
) -> tuple[User, Credentials]:
    """Create a user with a membership and an API key. Returns the user and their credentials."""
    user = User.objects.create_user(email, password, name=name)
    add_member(organization=organization, user=user, role=role, by=COMMAND, now=now)
    _, secret = create_api_key(
        organization=organization, name="First key", by=Actor("command", user), now=now
    )
    return user, Credentials(email, name, role.value, password, secret)


ROLES: Mapping[Role, str] = {Role.OWNER: "Alice", Role.PURCHASER: "Bob", Role.MEMBER: "Mallory"}
"""The name of the person with each role in a sandbox."""
