"""The record cannot be edited or deleted, not through SQL either (R19)."""

import pytest
from django.apps import apps
from django.db import DatabaseError, connection, transaction

from accounts.models import AuditEntry
from billing.models import Charge, Invoice, InvoiceLine
from capacity.models import Expiry, ListPrice, Transaction
from capacity.operations.cancellations import cancel_units
from capacity.operations.days import open_due_days
from tests.cast import at, load_catalogue, make_acme

pytestmark = pytest.mark.django_db

APPEND_ONLY = [AuditEntry, Charge, Expiry, Invoice, InvoiceLine, ListPrice, Transaction]


@pytest.fixture
def _history() -> None:
    load_catalogue()
    acme = make_acme()
    lot = acme.lot(acme.buys("2026-01-10", input=2))
    cancel_units(
        organization=acme.organization,
        lot_id=lot.public_id,
        units=1,
        by=acme.alice,
        now=at("2026-01-11"),
    )
    open_due_days(organization=acme.organization, now=at("2026-02-10"))


@pytest.mark.usefixtures("_history")
@pytest.mark.parametrize("model", APPEND_ONLY, ids=lambda model: model.__name__)
@pytest.mark.parametrize("statement", ["UPDATE {} SET id = id", "DELETE FROM {}", "TRUNCATE {}"])
def test_the_database_refuses(model: type, statement: str) -> None:
    table = model._meta.db_table  # type: ignore[attr-defined]
    rows = model.objects.count()  # type: ignore[attr-defined]
    assert rows, f"{table} has rows to protect"
    with pytest.raises(DatabaseError, match=table), transaction.atomic():
        connection.cursor().execute(statement.format(table))
    assert model.objects.count() == rows  # type: ignore[attr-defined]


def test_no_other_table_claims_to_be_append_only() -> None:
    guarded = {
        model
        for model in apps.get_models()
        if any(trigger.name == "append_only" for trigger in getattr(model._meta, "triggers", []))
    }
    assert guarded == set(APPEND_ONLY)


@pytest.mark.usefixtures("_history")
def test_nothing_is_added_to_an_issued_invoice() -> None:
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
def test_nothing_is_charged_in_a_period_that_is_invoiced() -> None:
    charge = Charge.objects.earliest("id")
    charge.pk, charge.public_id, charge.lot = None, "chg_another", "lot_another"
    with pytest.raises(DatabaseError, match="invoiced period"), transaction.atomic():
        charge.save(force_insert=True)
