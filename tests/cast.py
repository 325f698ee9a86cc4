"""The cast of the tests: Alice owns Acme, Bob may purchase, Mallory is a member, Charlie is not.

Acme has the real clock, but no test reads it: each test says what time it is. The fixtures
`catalogue` and `acme` of `tests/conftest.py` stand for the usual case.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from allauth.mfa.models import Authenticator
from django.test import Client
from django.utils import timezone

from accounts.access import Permission, authorize
from accounts.models import Organization, Role, User
from accounts.operations.audit import Actor
from accounts.operations.members import add_member
from accounts.operations.organizations import create_organization
from billing.domain.order_forms import Discounts
from billing.models import OrderForm
from billing.operations.order_forms import (
    create_order_form,
    sign_order_form,
    terminate_order_form,
)
from capacity.models import Cancellation, GatewayRequest, Lot, Purchase
from capacity.operations.cancellations import cancel_units
from capacity.operations.catalogue import SHIPPED_CATALOGUE, import_catalogue
from capacity.operations.days import Opened, open_due_days
from capacity.operations.purchases import buy_units
from capacity.queries.lots import find_lot
from common.errors import NotAllowed

OPERATOR = Actor("command")
GROK = "grok-4-1-fast-reasoning"
GPT = "gpt-4.1-2025-04-14"

SIGN_IN_BACKEND = "allauth.account.auth_backends.AuthenticationBackend"


def at(day: str, time: str = "12:00") -> datetime:
    """An instant: `at("2026-01-10")` is noon UTC."""
    return datetime.fromisoformat(f"{day}T{time}:00").replace(tzinfo=UTC)


def yesterday() -> str:
    """The day before today, by the real clock."""
    return (timezone.now().date() - timedelta(days=1)).isoformat()


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
        purchase = buy_units(
            organization=self.organization,
            model=model,
            units=units,
            project=project,
            by=self.alice,
            now=at(on),
        )
        assert isinstance(purchase, Purchase), "it needs no approval"
        return purchase

    def cancels(self, lot: Lot, units: int, on: str) -> Cancellation:
        """Alice cancels units of a lot, at noon of a day."""
        return cancel_units(
            organization=self.organization,
            lot_id=lot.public_id,
            units=units,
            by=self.alice,
            now=at(on),
        )

    def signs(
        self,
        starts_on: str,
        ends_on: str | None = None,
        *,
        on: str,
        discount: str = "0",
        by_model: dict[str, Decimal] | None = None,
        days_until_due: int = 30,
        anchor_day: int = 1,
    ) -> OrderForm:
        """Alice signs a new order form on these terms, at noon of a day."""
        form = create_order_form(
            organization=self.organization,
            starts_on=day(starts_on),
            ends_on=day(ends_on) if ends_on else None,
            discounts=Discounts(Decimal(discount), by_model or {}),
            days_until_due=days_until_due,
            anchor_day=anchor_day,
            by=OPERATOR,
            now=at(on),
        )
        return sign_order_form(form=form, signed_name="Alice", by=self.alice, now=at(on))

    def form_ends(self, ends_on: str, *, on: str) -> None:
        """An operator ends the newest order form early, at noon of a day."""
        terminate_order_form(
            form=OrderForm.objects.filter(organization=self.organization).latest("pk"),
            ends_on=day(ends_on),
            reason="Acme asked for it.",
            by=OPERATOR,
            now=at(on),
        )

    def open_days(self, until: str) -> Opened:
        """Open every service day that is due at 00:00 of a day, that day included."""
        return open_due_days(organization=self.organization, now=at(until, "00:00"))

    def lot(self, purchase: Purchase, kind: str = "input") -> Lot:
        """The lot of one kind that a purchase brought."""
        public_id = purchase.lots.get(kind=kind).public_id
        return find_lot(self.organization, public_id)

    def allows(self, actor: Actor, permission: Permission) -> bool:
        """Whether a member has a permission. Raises NotFound for an outsider."""
        try:
            authorize(
                user=actor.person,
                organization_id=self.organization.public_id,
                permission=permission,
            )
        except NotAllowed:
            return False
        return True


def load_catalogue() -> None:
    """Load the shipped catalogue, whose prices are in force since 2024."""
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


def give_second_factor(actor: Actor, *, kind: str = "totp") -> None:
    """Store a second factor as allauth does. It is there, but nobody can show it."""
    data = {"secret": "", "name": "Passkey"}
    Authenticator.objects.create(user=actor.person, type=kind, data=data)


def signed_in(actor: Actor) -> Client:
    """A browser in which this person is signed in."""
    client = Client()
    client.force_login(actor.person, backend=SIGN_IN_BACKEND)
    return client


def unsigned_form(acme: Acme) -> OrderForm:
    """A form from 2026-02-01 on that waits for a signature."""
    now = acme.organization.now() if acme.organization.is_sandbox else at("2026-01-10")
    return create_order_form(
        organization=acme.organization, starts_on=day("2026-02-01"), by=OPERATOR, now=now
    )


def gateway_request(organization: Organization) -> GatewayRequest:
    """A request to the gateway that went to the account plan, a moment ago by the real clock."""
    return GatewayRequest.objects.create(
        organization=organization,
        request_id=f"greq_{organization.pk:032x}",
        admitted_at=timezone.now(),
        at=at("2026-01-10"),
        model=GROK,
        project=organization.projects.get(is_default=True).public_id,
        key="key_1",
        served="default",
        reason="window_exhausted",
        estimate={"input": 10, "output": 1_024},
        actual={"input": 9, "output": 34},
        windows=[{"pool": "pt_1", "kind": "output", "limit": 187_500, "used": 187_000}],
    )


def make_acme(
    founded: str = "2026-01-01",
    *,
    anchor_day: int = 1,
    discount: str = "0",
    days_until_due: int = 30,
    signed: bool = True,
    is_sandbox: bool = False,
) -> Acme:
    """Acme with its people and an order form on these terms; a sandbox's clock stands at the start.

    Call it again for another organization on the same terms.
    """
    now = at(founded, "00:00")
    organization = create_organization(name="Acme", by=OPERATOR, now=now, is_sandbox=is_sandbox)
    form = create_order_form(
        organization=organization,
        starts_on=now.date(),
        by=OPERATOR,
        now=now,
        anchor_day=anchor_day,
        discounts=Discounts(Decimal(discount)),
        days_until_due=days_until_due,
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
