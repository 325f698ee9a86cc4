"""The cast of the tests: Alice owns Acme, Bob may purchase, Mallory is a member, Charlie is not.

Acme lives on the real clock, but nothing reads that clock: every test says what time it is.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal

from accounts.models import Organization, Role, User
from accounts.operations.audit import Actor
from accounts.operations.members import add_member
from accounts.operations.organizations import create_organization
from billing.operations.order_forms import create_order_form, sign_order_form
from capacity.models import Lot, Purchase
from capacity.operations.catalogue import SHIPPED_CATALOGUE, import_catalogue
from capacity.operations.purchases import buy_units
from capacity.queries.lots import find_lot

OPERATOR = Actor("command")
GROK = "grok-4-1-fast-reasoning"
GPT = "gpt-4.1-2025-04-14"


def at(day: str, time: str = "12:00") -> datetime:
    """An instant: `at("2026-01-10")` is noon UTC."""
    return datetime.fromisoformat(f"{day}T{time}:00").replace(tzinfo=UTC)


def day(text: str) -> date:
    return date.fromisoformat(text)


@dataclass(slots=True)
class Acme:
    """An organization with its people."""

    organization: Organization
    alice: Actor
    bob: Actor
    mallory: Actor
    charlie: Actor

    def buys(
        self, on: str, model: str = GROK, project: str | None = None, **units: int
    ) -> Purchase:
        """Alice buys units by kind, at noon of a day."""
        return self.orders(units, on, model, project)

    def orders(
        self, units: Mapping[str, int], on: str, model: str = GROK, project: str | None = None
    ) -> Purchase:
        return buy_units(
            organization=self.organization,
            model=model,
            units=units,
            project=project,
            by=self.alice,
            now=at(on),
        )

    def lot(self, purchase: Purchase, kind: str = "input") -> Lot:
        public_id = purchase.lots.get(kind=kind).public_id
        return find_lot(self.organization, public_id)


def load_catalogue() -> None:
    import_catalogue(SHIPPED_CATALOGUE.read_text(), by=OPERATOR, now=at("2024-01-01"))


def person(name: str, organization: Organization | None = None, role: Role | None = None) -> Actor:
    """Someone without a usable password; a member where an organization and role are given."""
    email = f"{name.lower()}-{User.objects.count()}@example.com"
    user = User.objects.create_user(email, name=name)
    if organization and role:
        add_member(
            organization=organization,
            user=user,
            role=role,
            by=OPERATOR,
            now=organization.created_at,
        )
    return Actor("page", user)


def make_acme(
    founded: str = "2026-01-01",
    *,
    anchor_day: int = 1,
    discount: str = "0",
    signed: bool = True,
    is_sandbox: bool = False,
) -> Acme:
    now = at(founded, "00:00")
    organization = create_organization(name="Acme", by=OPERATOR, now=now, is_sandbox=is_sandbox)
    form = create_order_form(
        organization=organization,
        starts_on=now.date(),
        by=OPERATOR,
        now=now,
        anchor_day=anchor_day,
        discount_percent=Decimal(discount),
    )
    if signed:
        sign_order_form(form=form, signed_name="Alice", by=OPERATOR, now=now)
    return Acme(
        organization=organization,
        alice=person("Alice", organization, Role.OWNER),
        bob=person("Bob", organization, Role.PURCHASER),
        mallory=person("Mallory", organization, Role.MEMBER),
        charlie=person("Charlie"),
    )
