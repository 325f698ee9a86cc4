"""Demo data: two customers with a past, made by the same operations that a customer uses.

Nothing is written around the rules: the past is lived through, day by day, with its own `now`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from django.utils.crypto import salted_hmac

from accounts.models import Organization, OutboundEmail, Role, User
from accounts.operations.audit import Actor
from billing.operations.payments import record_payment
from capacity.models import Purchase
from capacity.operations.cancellations import cancel_units, undo_cancellation
from capacity.operations.clock import advance_clock
from capacity.operations.days import open_due_days
from capacity.operations.purchases import buy_units
from scaletier.sandbox import COMMAND, OrderTerms, SignIn, add_person, make_organization

NORTHWIND_AGE = timedelta(days=141)
"""How long ago the demo's customer on the real clock signed."""

PAYS_AFTER = timedelta(days=25)

PEOPLE = {
    "Northwind Labs": (
        ("alice@northwind.example", "Alice Moreau", Role.OWNER),
        ("bob@northwind.example", "Bob Tanaka", Role.PURCHASER),
        ("mallory@northwind.example", "Mallory Reyes", Role.MEMBER),
    ),
    "Contoso Robotics (sandbox)": (
        ("charlie@contoso.example", "Charlie Osei", Role.OWNER),
        ("dana@contoso.example", "Dana Fischer", Role.PURCHASER),
    ),
}
OPERATOR = ("operator@scaletier.example", "Olga Petrov")


def password_for(email: str) -> str:
    """The demo password of an address: the same at every start, different in every installation."""
    return salted_hmac("scaletier demo sign-in", email, algorithm="sha256").hexdigest()[:12]


def sign_ins() -> Iterator[tuple[str, SignIn]]:
    """Everybody who can sign in to the demo, with their organization."""
    for organization, people in PEOPLE.items():
        for email, name, role in people:
            yield organization, SignIn(email, name, role.label, password_for(email))
    email, name = OPERATOR
    yield "the platform", SignIn(email, name, "Operator", password_for(email))


@dataclass(slots=True)
class Customer:
    """An organization living through its past: `at` moves on, each step acts on its own day."""

    organization: Organization
    by: Actor
    at: datetime

    def after(self, days: int) -> "Customer":
        """Live on, paying each invoice by bank transfer when it is 25 days old."""
        for _ in range(days):
            old = self.at.date() - PAYS_AFTER
            owed = self.organization.invoices.filter(payment__status="open")
            for invoice in owed.filter(issued_on__lte=old):
                record_payment(invoice=invoice, by=COMMAND, now=self.at)
            self.at += timedelta(days=1)
            if self.organization.is_sandbox:
                advance_clock(organization=self.organization, to=self.at, by=self.by)
            else:
                open_due_days(organization=self.organization, now=self.at)
        return self

    def buy(self, model: str, **units: int) -> Purchase:
        return buy_units(
            organization=self.organization, model=model, units=units, by=self.by, now=self.at
        )

    def cancel(self, purchase: Purchase, kind: str, units: int) -> str:
        lot = purchase.lots.get(kind=kind)
        return cancel_units(
            organization=self.organization,
            lot_id=lot.public_id,
            units=units,
            by=self.by,
            now=self.at,
        ).public_id

    def undo(self, cancellation: str) -> None:
        undo_cancellation(
            organization=self.organization,
            cancellation_id=cancellation,
            by=self.by,
            now=self.at,
        )


def make_demo(now: datetime) -> None:
    """Make both demo customers and the operator, each unless it is there."""
    email, name = OPERATOR
    if not _known(email):
        User.objects.create_superuser(email, password_for(email), name=name)
    if not _known("alice@northwind.example"):
        live_as_northwind(now)
    if not _known("charlie@contoso.example"):
        live_as_contoso(now)
    OutboundEmail.objects.filter(sent_at=None).update(
        sent_at=now
    )  # Their past was told in the past.


def _known(email: str) -> bool:
    return User.objects.filter(email=email).exists()


def live_as_northwind(now: datetime) -> None:
    """GPT models on the real clock: lots of several ages, some cancelled, some expired."""
    started = (now - NORTHWIND_AGE).replace(hour=9, minute=12, second=0, microsecond=0)
    customer = _customer("Northwind Labs", started, terms=OrderTerms(1, Decimal("12.5")))
    first = customer.buy("gpt-4.1-2025-04-14", input=12, output=6)
    mini = customer.after(6).buy("gpt-4.1-mini-2025-04-14", input=2, output=1)
    customer.after(31).cancel(first, "input", 4)
    customer.after(9).buy("gpt-4.1-2025-04-14", input=3, output=4)
    customer.cancel(mini, "output", 1)
    trial = customer.after(14).buy("gpt-5-mini-2025-08-07", input=1, output=1)
    customer.cancel(trial, "input", 1)
    customer.cancel(trial, "output", 1)
    second_thoughts = customer.after(22).cancel(mini, "input", 1)
    customer.after(0).undo(second_thoughts)
    customer.after(28).buy("gpt-5.2-2025-12-11", input=5, output=8)
    customer.after(11).buy("gpt-5.4", combined=3)
    recent = customer.after(8).buy("gpt-4.1-2025-04-14", output=2)
    customer.after(5).cancel(recent, "output", 1)
    open_due_days(organization=customer.organization, now=now)


def live_as_contoso(now: datetime) -> None:
    """Grok in a sandbox, whose clock stands at the worked example of the provider's docs."""
    started = now.replace(year=2026, month=1, day=10, hour=15, minute=20, second=0, microsecond=0)
    customer = _customer("Contoso Robotics (sandbox)", started, is_sandbox=True, terms=OrderTerms())
    first = customer.buy("grok-4-1-fast-reasoning", input=4, output=4)
    customer.after(5).cancel(first, "output", 1)
    customer.after(9).buy("grok-4-1-fast-reasoning", input=2)
    customer.cancel(first, "input", 2)


def _customer(
    name: str, started: datetime, *, terms: OrderTerms, is_sandbox: bool = False
) -> Customer:
    organization = make_organization(name=name, now=started, is_sandbox=is_sandbox, terms=terms)
    users = [
        add_person(
            organization,
            email=email,
            name=person,
            role=role,
            password=password_for(email),
            now=started,
        )[0]
        for email, person, role in PEOPLE[name]
    ]
    return Customer(organization, Actor("page", users[0]), started)
