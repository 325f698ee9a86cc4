"""Demo data: two customers with a history.

The history is made by the same operations that customers use, day by day, each with its own `now`.
So the demo data keeps all rules.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

from django.conf import settings
from django.core.management.base import CommandError, OutputWrapper
from django.db import connection
from django.utils.crypto import salted_hmac

from accounts.models import OutboundEmail, Role, User
from accounts.operations.audit import Actor
from accounts.operations.changes import Caller
from billing.domain.billing_details import Customer as BilledCustomer
from billing.domain.money import Money
from billing.operations.billing_accounts import set_invoice_prefix
from billing.operations.billing_details import set_billing_details
from capacity.models import Snapshot
from capacity.operations.approvals import decline_request, set_approval_threshold
from capacity.operations.catalogue import SHIPPED_CATALOGUE, import_catalogue
from capacity.operations.days import open_due_days
from capacity.operations.purchasers import set_purchaser_limit
from capacity.operations.quote_requests import (
    decline_quote_request,
)
from capacity.queries.quote_requests import ExpectedTraffic
from capacity.usage.domain.callouts import CALLOUT_DAYS
from capacity.usage.operations.alerts import raise_usage_alerts, set_usage_alerts
from scaletier.devserver.demo_customer import OPERATOR, Customer, operator
from scaletier.devserver.demo_guard import reason_to_refuse_demo_data
from scaletier.devserver.demo_traffic import (
    ASSISTANT,
    BATCH,
    NORTHWIND_OWNER,
    add_traffic,
    continue_traffic,
    customer_with_traffic,
)
from scaletier.devserver.progress import Progress
from scaletier.sandbox import (
    COMMAND,
    Credentials,
    OrderTerms,
    add_person,
    create_user,
    set_up_organization,
)

NORTHWIND_AGE = timedelta(days=141)
"""How long ago Northwind Labs signed its order form."""

CONTOSO_AGE = timedelta(days=14)
"""How far the clock of Contoso Robotics has been moved since."""

HOUR = timedelta(hours=1)

ALERTS_AGE = timedelta(days=7)
"""How long ago its owner set the rules of usage alerts."""

NORTHWIND = BilledCustomer(
    name="Northwind Labs GmbH",
    address="Invalidenstraße 117\n10115 Berlin",
    country="DE",
    tax_id="DE 136 695 976",
    email="billing@northwind.example",
    purchase_order="PO-2026-0117",
)

PEOPLE = {
    "Northwind Labs": (
        (NORTHWIND_OWNER, "Alice Moreau", Role.OWNER),
        ("bob@northwind.example", "Bob Tanaka", Role.PURCHASER),
        ("mallory@northwind.example", "Mallory Reyes", Role.MEMBER),
    ),
    "Contoso Robotics (sandbox)": (
        ("charlie@contoso.example", "Charlie Osei", Role.OWNER),
        ("dana@contoso.example", "Dana Fischer", Role.PURCHASER),
    ),
}


def password_for(email: str) -> str:
    """Return the demo password of an address.

    It is the same at every start, and different in every installation.
    """
    return salted_hmac("scaletier demo sign-in", email, algorithm="sha256").hexdigest()[:12]


def demo_credentials() -> Iterator[tuple[str, Credentials]]:
    """Yield the organization and the credentials of everyone who can sign in to the demo."""
    for organization, people in PEOPLE.items():
        for email, name, role in people:
            yield organization, Credentials(email, name, role.label, password_for(email))
    email, name = OPERATOR
    yield "the platform", Credentials(email, name, "Operator", password_for(email))


def sign_in_table() -> str:
    """Return the list of everyone who can sign in to the demo, with a header."""
    rows = [("Name", "Email", "Password", "Role")]
    for organization, person in demo_credentials():
        rows.append((person.name, person.email, person.password, f"{person.role}, {organization}"))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join("  " + "  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)


def load_demo(*, now: datetime, output: OutputWrapper) -> None:
    """Load the shipped catalogue, the operator and both demo customers, where they are missing.

    Raises CommandError where demo people would do harm.
    """
    if reason := reason_to_refuse_demo_data():
        raise CommandError(f"No demo data: {reason}.")
    # Without a wait for the disk after each of some hundred transactions.
    with connection.cursor() as cursor:
        cursor.execute("SET synchronous_commit TO off")
    output.write("==> Demo data")
    output.flush()
    if not Snapshot.objects.exists():
        import_catalogue(SHIPPED_CATALOGUE.read_text(), by=COMMAND, now=now)
    email, name = OPERATOR
    if not _user_exists(email):
        create_user(email, name, password_for(email), is_staff=True, is_superuser=True)
    progress = Progress(output, (NORTHWIND_AGE + CONTOSO_AGE).days, "days")
    if not _user_exists(NORTHWIND_OWNER):
        create_northwind(now, progress)
    elif northwind := customer_with_traffic():
        continue_traffic(northwind, now=now)
    if not _user_exists("charlie@contoso.example"):
        create_contoso(now, progress)
    # These emails are about days in the past, so they are marked as sent.
    OutboundEmail.objects.filter(sent_at=None).update(sent_at=now)


def _user_exists(email: str) -> bool:
    return User.objects.filter(email=email).exists()


def create_northwind(now: datetime, progress: Progress) -> None:
    """Create a customer of GPT models on the real clock.

    Its lots were bought at different times. Some are cancelled, some are expired.
    """
    start = (now - NORTHWIND_AGE).replace(hour=9, minute=12, second=0, microsecond=0)
    customer = _create_customer("Northwind Labs", start, progress, terms=None)
    _become_customer(customer)
    first = customer.buy("gpt-4.1-2025-04-14", input=12, output=6)
    mini = customer.advance(6).buy("gpt-4.1-mini-2025-04-14", input=2, output=1)
    customer.advance(31).cancel(first, "input", 4)
    customer.advance(9).buy("gpt-4.1-2025-04-14", input=3, output=4)
    customer.cancel(mini, "output", 1)
    trial_project = customer.advance(14).project("Summaries trial")
    trial = customer.buy("gpt-5-mini-2025-08-07", project=trial_project, input=1, output=1)
    customer.cancel(trial, "input", 1)
    customer.cancel(trial, "output", 1)
    assistant = customer.project(ASSISTANT)
    cancellation_id = customer.advance(22).cancel(mini, "input", 1)
    customer.undo(cancellation_id)
    decline_quote_request(
        request=customer.ask("A trial.", ExpectedTraffic("gpt-5.4", 90_000_000, 15_000_000)),
        reply="We have no supply of this size before next year; ask us again for a smaller one.",
        by=operator(),
        now=customer.now,
    )
    customer.advance(28).buy("gpt-5.2-2025-12-11", project=assistant, input=5, output=8)
    customer.archive(trial_project)
    customer.advance(11).buy("gpt-5.4", combined=3)
    recent = customer.advance(8).buy("gpt-4.1-2025-04-14", output=2)
    customer.advance(5).cancel(recent, "output", 1)
    _add_requests(customer)
    _bring_to(customer, now)


def _bring_to(customer: Customer, now: datetime) -> None:
    """Open the last days, and add the traffic of the last 30."""
    open_due_days(organization=customer.organization, now=now)
    customer.project(BATCH)
    add_traffic(customer.organization, now=now)
    for hours in reversed(range(ALERTS_AGE // HOUR)):  # As the sweep found them, hour by hour.
        raise_usage_alerts(customer.organization, now=now - hours * HOUR)


def _become_customer(customer: Customer) -> None:
    """Ask for a quote, sign the order form that answers it, and say who is billed."""
    customer.sign(
        customer.ask(
            "For our assistant. We would pay by bank transfer.",
            ExpectedTraffic("gpt-4.1-2025-04-14", 350_000, 14_000),
            ExpectedTraffic("gpt-4.1-mini-2025-04-14", 900_000, 40_000),
        ),
        discount="12.5",
        reply="Welcome. The discount is that of your volume.",
    )
    set_invoice_prefix(
        organization=customer.organization, prefix="NWL", by=COMMAND, now=customer.now
    )
    set_billing_details(
        organization=customer.organization, details=NORTHWIND, by=customer.by, now=customer.now
    )


def _add_requests(customer: Customer) -> None:
    """Set an approval threshold; one request of the purchaser is declined, one waits a day.

    The owner waits for the answer to another quote request, and has set usage alerts.
    """
    change = Caller(organization=customer.organization, by=customer.by, now=customer.now)
    set_approval_threshold(**change, threshold=Money(100_000, settings.CURRENCY))
    refused = customer.request("gpt-5.4", combined=8)
    decline_request(
        **change,
        request_id=refused.public_id,
        reason="Not before the launch. Please ask for 3 units first.",
    )
    purchaser = refused.requested_by.public_id
    set_purchaser_limit(**change, user_id=purchaser, limit=Money(200_000, settings.CURRENCY))
    set_usage_alerts(
        **change, percent=80, windows_in_a_row=4, exhausted_windows=3, idle_days=CALLOUT_DAYS
    )
    customer.advance(6).request("gpt-4.1-2025-04-14", input=10)
    customer.ask(
        "For the launch in spring. Is there a better discount at this size?",
        ExpectedTraffic("gpt-5.4", 600_000, 100_000),
        ExpectedTraffic("gpt-5.2-2025-12-11", 900_000, 120_000),
    )


def create_contoso(now: datetime, progress: Progress) -> None:
    """Create a customer of Grok in a sandbox.

    Its history starts at the time of the worked example in the provider's documentation.
    """
    start = now.replace(year=2026, month=1, day=10, hour=15, minute=20, second=0, microsecond=0)
    customer = _create_customer(
        "Contoso Robotics (sandbox)", start, progress, is_sandbox=True, terms=OrderTerms()
    )
    first = customer.buy("grok-4-1-fast-reasoning", input=4, output=4)
    customer.advance(5).cancel(first, "output", 1)
    customer.advance(9).buy("grok-4-1-fast-reasoning", input=2)
    customer.cancel(first, "input", 2)


def _create_customer(
    name: str,
    start: datetime,
    progress: Progress,
    *,
    terms: OrderTerms | None,
    is_sandbox: bool = False,
) -> Customer:
    organization = set_up_organization(name=name, now=start, is_sandbox=is_sandbox, terms=terms)
    users = [
        add_person(
            organization,
            email=email,
            name=person,
            role=role,
            password=password_for(email),
            now=start,
        )[0]
        for email, person, role in PEOPLE[name]
    ]
    return Customer(organization, Actor("page", users[0]), start, progress)
