"""A database of an earlier version is migrated with what it holds."""

from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
from django.apps.registry import Apps
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from tests.cast import at

pytestmark = pytest.mark.django_db(transaction=True)

BEFORE_FIELD_TERMS = [("accounts", "0004_days_due_by_clock"), ("billing", "0005_settled_invoices")]


def migrate_to(targets: list[tuple[str, str]]) -> Apps:
    """Migrate, and return the models as they are after the targets."""
    executor = MigrationExecutor(connection)
    executor.migrate(targets)
    apps: Apps = executor.loader.project_state(targets).apps
    return apps


@pytest.fixture
def earlier() -> Iterator[Apps]:
    """The models before the field's terms; the database is the newest again after the test."""
    newest = MigrationExecutor(connection).loader.graph.leaf_nodes()
    yield migrate_to(BEFORE_FIELD_TERMS)
    migrate_to(newest)


def _invoice(apps: Apps, number: int, **sync: Any) -> int:
    organization = apps.get_model("accounts", "Organization").objects.create(
        public_id=f"org_{number}",
        name="Acme",
        created_at=at("2026-01-01"),
        opened_until=date(2026, 2, 2),
    )
    invoice = apps.get_model("billing", "Invoice").objects.create(
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
    apps.get_model("billing", "Settlement").objects.create(
        invoice=invoice, organization=organization, status="paid", settled_at=at("2026-02-03")
    )
    apps.get_model("billing", "Dispatch").objects.create(
        invoice=invoice, organization=organization, **sync
    )
    key: int = invoice.pk
    return key


def test_invoices_keep_their_payment_status_and_their_sync(earlier: Apps) -> None:
    sent = _invoice(earlier, 1, status="sent", provider_id="in_1", sent_at=at("2026-02-02"))
    needless = _invoice(earlier, 2, status="needless")
    failed = _invoice(earlier, 3, status="failed", problem="No such customer.")

    apps = migrate_to(MigrationExecutor(connection).loader.graph.leaf_nodes())

    syncs = apps.get_model("billing", "InvoiceSync").objects.in_bulk()
    assert [syncs[key].status for key in (sent, needless, failed)] == [
        "synced",
        "not_needed",
        "failed",
    ]
    assert syncs[sent].synced_at == at("2026-02-02")
    assert syncs[failed].last_error == "No such customer."
    payment = apps.get_model("billing", "InvoicePayment").objects.get(invoice=sent)
    assert (payment.status, payment.status_changed_at) == ("paid", at("2026-02-03"))


def test_emails_and_stored_responses_stay(earlier: Apps) -> None:
    _invoice(earlier, 1)
    organization = earlier.get_model("accounts", "Organization").objects.get()
    earlier.get_model("accounts", "Notice").objects.create(
        public_id="mail_1",
        organization=organization,
        kind="invoice_issued",
        subject="inv_1",
        created_at=at("2026-02-01"),
    )
    earlier.get_model("accounts", "KeptAnswer").objects.create(
        organization=organization,
        key="k1",
        fingerprint="f",
        status=201,
        body="{}",
        created_at=at("2026-01-10"),
    )

    apps = migrate_to(MigrationExecutor(connection).loader.graph.leaf_nodes())

    assert apps.get_model("accounts", "OutboundEmail").objects.get().about == "inv_1"
    assert apps.get_model("accounts", "StoredResponse").objects.get().key == "k1"
