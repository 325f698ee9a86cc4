"""Rows of append-only tables can be neither changed nor deleted, not even by SQL (R19)."""

import pytest
from django.apps import apps
from django.db import DatabaseError, connection, transaction

from accounts.models import AuditEntry
from billing.models import Charge, Invoice, InvoiceLine
from capacity.models import Expiry, ListPrice, Transaction
from tests.cast import Acme

pytestmark = pytest.mark.django_db

APPEND_ONLY = [AuditEntry, Charge, Expiry, Invoice, InvoiceLine, ListPrice, Transaction]


@pytest.fixture
def _history(acme: Acme) -> None:
    """Every append-only table has rows."""
    lot = acme.lot(acme.buys("2026-01-10", input=2))
    acme.cancels(lot, 1, "2026-01-11")
    acme.open_days("2026-02-10")


@pytest.mark.usefixtures("_history")
@pytest.mark.parametrize("statement", ["UPDATE {} SET id = id", "DELETE FROM {}", "TRUNCATE {}"])
def test_the_database_refuses_the_statement(statement: str) -> None:
    for model in APPEND_ONLY:
        table = model._meta.db_table
        rows = model.objects.count()  # type: ignore[attr-defined]
        assert rows, f"{table} has rows to protect"
        with pytest.raises(DatabaseError, match=table), transaction.atomic():
            connection.cursor().execute(statement.format(table))
        assert model.objects.count() == rows  # type: ignore[attr-defined]


def test_no_other_table_is_append_only() -> None:
    protected = {
        model
        for model in apps.get_models()
        if any(trigger.name == "append_only" for trigger in getattr(model._meta, "triggers", []))
    }
    assert protected == set(APPEND_ONLY)


@pytest.mark.usefixtures("_history")
def test_no_line_can_be_added_to_an_issued_invoice() -> None:
    line = InvoiceLine.objects.get()
    connection.cursor().execute("SET CONSTRAINTS ALL IMMEDIATE")
    with pytest.raises(DatabaseError, match="do not add up"), transaction.atomic():
        InvoiceLine.objects.create(
            organization=line.organization,
            invoice=line.invoice,
            model=line.model,
            kind="output",
            type=line.type,
            price_per_day=1,
            discount_percent=0,
            unit_days=1,
            amount=1,
            discount=0,
        )


@pytest.mark.usefixtures("_history")
def test_no_charge_can_be_posted_in_an_invoiced_period() -> None:
    charge = Charge.objects.earliest("id")
    charge.pk, charge.public_id, charge.lot = None, "chg_another", "lot_another"
    with pytest.raises(DatabaseError, match="invoiced period"), transaction.atomic():
        charge.save(force_insert=True)
