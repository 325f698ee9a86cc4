"""Sets up organizations with people, for `manage.py sandbox` and the demo."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.contrib.auth.hashers import PBKDF2PasswordHasher
from django.utils.crypto import get_random_string

from accounts.models import Organization, Role, User
from accounts.operations.api_keys import create_api_key
from accounts.operations.audit import Actor
from accounts.operations.members import add_member
from accounts.operations.organizations import create_organization
from billing.domain.order_forms import Discounts
from billing.operations.order_forms import create_order_form, sign_order_form

COMMAND = Actor("command")

RANDOM_PASSWORD_ITERATIONS = 10_000
"""Far fewer than Django's: nobody guesses a random password, however fast its hash is.

A hash for passwords that people choose takes a third of a second for each of six people. The first
sign-in replaces this one by it.
"""


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
    signed_name: str = "The owner"


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
            discounts=Discounts(terms.discount_percent),
        )
        sign_order_form(form=form, signed_name=terms.signed_name, by=COMMAND, now=now)
    return organization


def create_user(email: str, name: str, password: str, **fields: Any) -> User:
    """Create a user with a random password."""
    encoded_password = PBKDF2PasswordHasher().encode(
        password, get_random_string(22), iterations=RANDOM_PASSWORD_ITERATIONS
    )
    return User.objects.create(email=email, name=name, password=encoded_password, **fields)


def add_person(
    organization: Organization, *, email: str, name: str, role: Role, password: str, now: datetime
) -> tuple[User, Credentials]:
    """Create a user with a membership and an API key. Returns the user and their credentials."""
    user = create_user(email, name, password)
    add_member(organization=organization, user=user, role=role, by=COMMAND, now=now)
    _, secret = create_api_key(
        organization=organization, name="First key", by=Actor("command", user), now=now
    )
    return user, Credentials(email, name, role.value, password, secret)


ROLES: Mapping[Role, str] = {Role.OWNER: "Alice", Role.PURCHASER: "Bob", Role.MEMBER: "Mallory"}
"""The name of the person with each role in a sandbox."""
