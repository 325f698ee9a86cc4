"""Customers with renewals that are due for some days, by the real clock, which workers read."""

from datetime import UTC, date, datetime, time, timedelta

from accounts.models import Organization, Project, User
from billing.models import BillingAccount, Charge, OrderForm
from capacity.models import Lot, Pool, Purchase, Snapshot
from tests.cast import GROK, load_catalogue

LOTS_EACH = 4
FIRST_TERM = timedelta(days=10)
PRICE = 1000


def populate(*, organizations: int, renewing_from: date) -> None:
    """Create lots whose first term is charged and ends on `renewing_from`; a period starts then."""
    load_catalogue()
    starts_on = renewing_from - FIRST_TERM
    created_at = datetime.combine(starts_on, time(), UTC)
    buyer = User.objects.create_user("buyer@example.com", name="Buyer")
    snapshot = Snapshot.objects.get(model=GROK)
    customers = Organization.objects.bulk_create(
        Organization(name=f"Customer {n}", created_at=created_at, opened_until=renewing_from)
        for n in range(organizations)
    )
    BillingAccount.objects.bulk_create(
        BillingAccount(organization=customer, anchor_day=renewing_from.day)
        for customer in customers
    )
    OrderForm.objects.bulk_create(
        OrderForm(
            organization=customer, created_at=created_at, starts_on=starts_on, signed_at=created_at
        )
        for customer in customers
    )
    projects = Project.objects.bulk_create(
        Project(
            organization=customer, name="Default project", is_default=True, created_at=created_at
        )
        for customer in customers
    )
    pools = Pool.objects.bulk_create(
        Pool(organization=customer, snapshot=snapshot, is_default=True, created_at=created_at)
        for customer in customers
    )
    purchases = Purchase.objects.bulk_create(
        Purchase(
            organization_id=project.organization_id,
            snapshot=snapshot,
            project=project,
            pool=pool,
            created_at=created_at,
            created_by=buyer,
            amount=LOTS_EACH * FIRST_TERM.days * PRICE,
            currency="usd",
        )
        for project, pool in zip(projects, pools, strict=True)
    )
    _add_lots(purchases, starts_on, renewing_from)


def _add_lots(purchases: list[Purchase], starts_on: date, renewing_from: date) -> None:
    lots = Lot.objects.bulk_create(
        Lot(
            organization_id=purchase.organization_id,
            purchase=purchase,
            snapshot_id=purchase.snapshot_id,
            pool_id=purchase.pool_id,
            project_id=purchase.project_id,
            kind="input",
            units=1,
            active_units=1,
            tpm_per_unit=31_500,
            price_per_day=PRICE,
            currency="usd",
            starts_on=starts_on,
            first_term_ends_on=renewing_from,
            commitment_ends_on=starts_on + timedelta(days=30),
            charged_until=renewing_from,
        )
        for purchase in purchases
        for _ in range(LOTS_EACH)
    )
    Charge.objects.bulk_create(
        Charge(
            organization_id=lot.organization_id,
            project_id=lot.project_id,
            lot=lot.public_id,
            model=GROK,
            kind=lot.kind,
            type="first_term",
            posted_on=starts_on,
            service_from=starts_on,
            service_to=renewing_from,
            units=1,
            price_per_day=PRICE,
            currency="usd",
            amount=FIRST_TERM.days * PRICE,
            discount_percent=0,
        )
        for lot in lots
    )
