"""Rows of append-only tables can be neither changed nor deleted, not even by SQL (R19)."""

from decimal import Decimal

import pytest
from django.apps import apps
from django.db import DatabaseError, connection, transaction

from accounts.models import AuditEntry
from billing.domain.order_forms import Discounts
from billing.models import (
    Charge,
    Invoice,
    InvoiceLine,
    OrderFormTermination,
)
from billing.operations.order_forms import create_order_form
from capacity.models import Expiry, ListPrice, PayAsYouGoPrice, Transaction
from tests.cast import GPT, GROK, OPERATOR, Acme, at, day

pytestmark = pytest.mark.django_db

APPEND_ONLY = [
    AuditEntry,
    Charge,
    Expiry,
    Invoice,
    InvoiceLine,
    ListPrice,
    PayAsYouGoPrice,
    OrderFormTermination,
    Transaction,
]


@pytest.fixture
def _history(acme: Acme) -> None:
    """Every append-only table has rows."""
    lot = acme.lot(acme.buys("2026-01-10", input=2))
    acme.cancels(lot, 1, "2026-01-11")
    acme.open_days("2026-02-10")
    acme.form_ends("2026-03-01", on="2026-02-10")


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


CHANGES_OF_A_FORM = (
    "UPDATE billing_orderform SET ends_on = '2030-01-01' WHERE id = %(form)s",
    "UPDATE billing_modeldiscount SET discount_percent = 99 WHERE order_form_id = %(form)s",
    "DELETE FROM billing_modeldiscount WHERE order_form_id = %(form)s",
    """INSERT INTO billing_modeldiscount (order_form_id, model, discount_percent)
    VALUES (%(form)s, 'gpt-5.4', 99)""",
    "DELETE FROM billing_modeldiscount WHERE order_form_id = %(form)s",
    "DELETE FROM billing_orderform WHERE id = %(form)s",
)
CHANGES_OF_A_SIGNED_FORM = (
    *CHANGES_OF_A_FORM,
    "UPDATE billing_orderform SET signed_at = NULL WHERE id = %(form)s",
    "UPDATE billing_modeldiscount SET order_form_id = %(draft)s WHERE order_form_id = %(form)s",
    "UPDATE billing_modeldiscount SET order_form_id = %(form)s WHERE order_form_id = %(draft)s",
    "TRUNCATE billing_orderform CASCADE",
    "TRUNCATE billing_modeldiscount",
)


def test_a_signed_order_form_never_changes_and_a_draft_can(
    acme: Acme, subtests: pytest.Subtests
) -> None:
    """R23: neither its terms nor its discounts by model."""
    signed = acme.signs("2026-01-01", on="2026-01-01", by_model={GPT: Decimal(20)})
    draft = create_order_form(
        organization=acme.organization,
        starts_on=day("2026-02-01"),
        discounts=Discounts(Decimal(5), {GROK: Decimal(10)}),
        by=OPERATOR,
        now=at("2026-01-01"),
    )
    for statement in CHANGES_OF_A_SIGNED_FORM:
        refused = pytest.raises(DatabaseError, match=r"never changes|order_?form|discount")
        with subtests.test(statement), refused, transaction.atomic():
            connection.cursor().execute(statement, {"form": signed.pk, "draft": draft.pk})
    for statement in CHANGES_OF_A_FORM:
        connection.cursor().execute(statement, {"form": draft.pk})
