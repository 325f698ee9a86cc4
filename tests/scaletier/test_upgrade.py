"""Migrations keep the data of an earlier version's database."""

from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
from django.apps.registry import Apps
from django.conf import settings
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from pytest_django import DjangoDbBlocker

from accounts.models import Organization
from billing.models import Invoice
from billing.queries.invoices import invoices, statement_of
from tests.cast import at, day
from tests.databases import new_database

pytestmark = pytest.mark.slow

EARLIER_VERSION = [
    ("accounts", "0004_days_due_by_clock"),
    ("billing", "0005_settled_invoices"),
    ("capacity", "0005_check_invariants"),
]


def migrate_to(targets: list[tuple[str, str]]) -> Apps:
    """Migrate to the targets. Returns the models as they are in that version."""
    executor = MigrationExecutor(connection)
    executor.migrate(targets)
    apps: Apps = executor.loader.project_state(targets).apps
    return apps


def model_of(apps: Apps, app_label: str, name: str) -> Any:
    """Return a model of one version; mypy would reject a name that the newest version lacks."""
    return apps.get_model(app_label, name)


@pytest.fixture
def earlier(django_db_blocker: DjangoDbBlocker) -> Iterator[Apps]:
    """The models of the earlier version, whose migrations have made the database."""
    with django_db_blocker.unblock(), new_database("earlier"):
        yield migrate_to(EARLIER_VERSION)


def _invoice(apps: Apps, number: int, **sync: Any) -> int:
    """Create a paid invoice with its organization. Returns its primary key."""
    organization = model_of(apps, "accounts", "Organization").objects.create(
        public_id=f"org_{number}",
        name="Acme",
        created_at=at("2026-01-01"),
        opened_until=date(2026, 2, 2),
    )
    invoice = model_of(apps, "billing", "Invoice").objects.create(
        public_id=f"inv_{number}",
        organization=organization,
        number=1,
        period_start=date(2026, 1, 1),
        period_end=date(2026, 2, 1),
        issued_on=date(2026, 2, 1),
        due_on=date(2026, 3, 3),
        currency="usd",
        subtotal=0,
        discount=0,
        total=0,
    )
    model_of(apps, "billing", "Settlement").objects.create(
        invoice=invoice, organization=organization, status="paid", settled_at=at("2026-02-03")
    )
    model_of(apps, "billing", "Dispatch").objects.create(
        invoice=invoice, organization=organization, **sync
    )
    invoice_pk: int = invoice.pk
    return invoice_pk


def _add_mail_and_response(apps: Apps, organization: Any) -> None:
    model_of(apps, "accounts", "Notice").objects.create(
        public_id="mail_1",
        organization=organization,
        kind="invoice_issued",
        subject="inv_1",
        created_at=at("2026-02-01"),
    )
    model_of(apps, "accounts", "KeptAnswer").objects.create(
        organization=organization,
        key="k1",
        fingerprint="f",
        status=201,
        body="{}",
        created_at=at("2026-01-10"),
    )


def test_invoices_emails_and_stored_responses_are_kept_and_invoices_get_readable_numbers(
    earlier: Apps,
) -> None:
    sent = _invoice(earlier, 1, status="sent", provider_id="in_1", sent_at=at("2026-02-02"))
    not_needed = _invoice(earlier, 2, status="needless")
    failed = _invoice(earlier, 3, status="failed", problem="No such customer.")
    organizations = model_of(earlier, "accounts", "Organization").objects.order_by("pk")
    for organization in organizations:
        model_of(earlier, "billing", "Account").objects.create(
            organization=organization, anchor_day=1, last_invoice_number=1
        )
    _add_mail_and_response(earlier, organizations[0])

    apps = migrate_to(MigrationExecutor(connection).loader.graph.leaf_nodes())

    syncs = model_of(apps, "billing", "InvoiceSync").objects.in_bulk()
    assert [syncs[invoice_pk].status for invoice_pk in (sent, not_needed, failed)] == [
        "synced",
        "not_needed",
        "failed",
    ]
    assert syncs[sent].synced_at == at("2026-02-02")
    assert syncs[failed].last_error == "No such customer."
    payment = model_of(apps, "billing", "InvoicePayment").objects.get(invoice=sent)
    assert (payment.status, payment.status_changed_at) == ("paid", at("2026-02-03"))
    numbers = [invoice.display_number for invoice in Invoice.objects.order_by("pk")]
    assert numbers == ["ACM-0001", "ACM2-0001", "ACM3-0001"]
    statement = statement_of(
        invoices(Organization.objects.earliest("pk")).get(), on=day("2026-02-03")
    )
    assert (statement.billed_to.name, statement.seller) == ("Acme", settings.SELLER)
    assert model_of(apps, "accounts", "OutboundEmail").objects.get().about == "inv_1"
    assert model_of(apps, "accounts", "StoredResponse").objects.get().key == "k1"
