"""Invoices (R2, R8): the charges of one period, right to the cent."""

from decimal import Decimal

import pytest
from django.db.models import QuerySet

from billing.domain.invoices import LineItem, invoice_totals
from billing.models import Charge, Invoice, InvoiceLine, InvoicePayment
from billing.queries.invoices import charges_on, statement_of
from tests.cast import GPT, Acme, day, make_acme


@pytest.fixture
def acme(catalogue: None) -> Acme:
    """Acme at a discount of 12.5%."""
    return make_acme(discount="12.5")


def charges_of(invoice: Invoice) -> QuerySet[Charge]:
    statement = statement_of(invoice, on=invoice.issued_on)
    return charges_on(invoice.organization, statement)


def test_the_invoice_of_a_period_is_issued_when_the_next_one_starts(acme: Acme) -> None:
    acme.buys("2026-01-10", GPT, input=3, output=2)
    acme.open_days("2026-01-31")
    assert not Invoice.objects.exists()
    acme.open_days("2026-02-01")
    invoice = Invoice.objects.get()
    assert (invoice.number, invoice.issued_on, invoice.due_on) == (
        1,
        day("2026-02-01"),
        day("2026-03-03"),
    )
    subtotal = (3 * 11_000 + 2 * 3_600) * 22
    assert invoice.subtotal == subtotal
    assert invoice.discount == sum(line.discount for line in invoice.lines.all())
    assert invoice.total == subtotal - subtotal // 8


def test_a_renewal_on_the_first_day_belongs_to_the_new_period(acme: Acme) -> None:
    acme.buys("2026-01-10", input=1)
    acme.open_days("2026-03-01")
    first, second = Invoice.objects.order_by("number")
    assert [str(charge.posted_on) for charge in charges_of(first)] == ["2026-01-10"]
    renewals = [str(charge.posted_on) for charge in charges_of(second)]
    assert (renewals[0], renewals[-1], len(renewals)) == ("2026-02-01", "2026-02-28", 28)


def test_a_period_without_charges_has_no_invoice_and_uses_no_number(acme: Acme) -> None:
    lot = acme.lot(acme.buys("2026-01-10", input=1))
    acme.cancels(lot, 1, "2026-01-11")
    acme.open_days("2026-03-31")
    InvoicePayment.objects.update(status="paid")
    acme.buys("2026-04-20", input=1)
    acme.open_days("2026-05-01")
    invoices = Invoice.objects.order_by("number").values_list("number", "period_start")
    assert list(invoices) == [
        (1, day("2026-01-01")),
        (2, day("2026-02-01")),
        (3, day("2026-04-01")),
    ]


def test_charges_share_a_line_if_price_discount_and_type_are_the_same(acme: Acme) -> None:
    acme.buys("2026-01-10", input=1)
    acme.buys("2026-01-20", input=2)
    acme.signs("2026-02-11", on="2026-02-01", discount="20")
    acme.open_days("2026-03-01")
    second = Invoice.objects.get(number=2)
    lines = second.lines.order_by("discount_percent").values_list("discount_percent", "unit_days")
    assert list(lines) == [(Decimal("12.50"), 3 * 10), (Decimal("20.00"), 3 * 18)]
    first = InvoiceLine.objects.get(invoice__number=1)
    assert first.unit_days == 22 + 2 * 12
    statement = statement_of(first.invoice, on=day("2026-03-01"))
    [line] = statement.lines
    assert charges_on(acme.organization, statement, line).count() == 2


@pytest.mark.usefixtures("catalogue")
@pytest.mark.parametrize(
    ("anchor_day", "issued_on"),
    [
        (31, ["2026-01-31", "2026-02-28", "2026-03-31"]),
        (30, ["2026-01-30", "2026-02-28", "2026-03-30"]),
        (15, ["2026-01-15", "2026-02-15", "2026-03-15"]),
    ],
)
def test_an_invoice_is_issued_on_each_anchor_day(anchor_day: int, issued_on: list[str]) -> None:
    acme = make_acme("2026-01-02", anchor_day=anchor_day)
    acme.buys("2026-01-10", input=1)
    acme.open_days("2026-04-10")
    days = Invoice.objects.order_by("number").values_list("issued_on", flat=True)
    assert [str(on) for on in days] == issued_on


def test_every_invoice_equals_its_charges_and_numbers_have_no_gap(acme: Acme) -> None:
    globex = make_acme(anchor_day=15)
    for company in (acme, globex):
        company.buys("2026-01-10", GPT, input=3, output=1)
        company.buys("2026-02-20", input=2)
        company.open_days("2026-07-01")
        numbers = company.organization.invoices.order_by("id").values_list("number", flat=True)
        assert list(numbers) == list(range(1, len(numbers) + 1))
    for invoice in Invoice.objects.all():
        totals = invoice_totals(
            LineItem(
                charge.model,
                charge.kind,
                charge.type,
                charge.price_per_day,
                charge.discount_percent,
                charge.amount // charge.price_per_day,
            )
            for charge in charges_of(invoice)
        )
        assert (totals.subtotal, totals.total) == (invoice.subtotal, invoice.total)


@pytest.mark.usefixtures("catalogue")
def test_nothing_is_owed_for_an_invoice_of_nothing() -> None:
    acme = make_acme(discount="100")
    acme.buys("2026-01-10", input=1)
    acme.open_days("2026-05-01")
    invoice = Invoice.objects.earliest("number")
    assert (invoice.total, invoice.status_on(day("2026-05-01"))) == (0, "paid")
    acme.buys("2026-05-01", input=1)
    assert acme.organization.lots.filter(active_units=0).count() == 0


def test_the_due_date_follows_the_form_in_force_not_one_that_has_ended(
    acme: Acme,
) -> None:
    acme.buys("2026-01-10", GPT, input=1)
    acme.signs("2026-01-15", "2026-01-20", on="2026-01-10", days_until_due=0)
    acme.open_days("2026-02-01")
    assert Invoice.objects.get().due_on == day("2026-03-03")
