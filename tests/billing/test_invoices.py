"""Invoices (R2, R8): exactly the period's charges, right to the cent, never changed."""

from decimal import Decimal

import pytest
from django.db.models import QuerySet
from hypothesis import given
from hypothesis import strategies as st

from billing.domain.invoices import LineItem, invoice_totals
from billing.models import Charge, Invoice, InvoiceLine, InvoicePayment
from billing.operations.order_forms import create_order_form, sign_order_form
from billing.queries.invoices import charges_on, statement_of
from capacity.operations.cancellations import cancel_units
from capacity.operations.days import open_due_days
from tests.cast import GPT, OPERATOR, Acme, at, day, load_catalogue, make_acme

lines = st.builds(
    LineItem,
    model=st.sampled_from(["a", "b"]),
    kind=st.sampled_from(["input", "output"]),
    type=st.sampled_from(["first_term", "renewal"]),
    price_per_day=st.sampled_from([1, 999, 12459]),
    discount_percent=st.sampled_from([Decimal(0), Decimal("12.5"), Decimal("33.33")]),
    unit_days=st.integers(min_value=1, max_value=10_000),
)


@given(st.lists(lines))
def test_an_invoice_does_not_depend_on_how_its_charges_came(charged: list[LineItem]) -> None:
    invoice = invoice_totals(charged)
    assert (
        invoice
        == invoice_totals(reversed(charged))
        == invoice_totals(invoice_totals(charged).lines)
    )
    assert invoice.subtotal == sum(line.unit_days * line.price_per_day for line in charged)
    assert invoice.total == sum(line.amount - line.discount for line in invoice.lines)


@pytest.fixture
def acme() -> Acme:
    load_catalogue()
    return make_acme(discount="12.5")


def charges_of(invoice: Invoice) -> QuerySet[Charge]:
    statement = statement_of(invoice, on=invoice.issued_on)
    return charges_on(invoice.organization, statement)


def open_to(acme: Acme, on: str) -> None:
    open_due_days(organization=acme.organization, now=at(on, "00:00"))


@pytest.mark.django_db
def test_the_invoice_of_a_period_is_issued_when_the_next_one_starts(acme: Acme) -> None:
    acme.buys("2026-01-10", GPT, input=3, output=2)
    open_to(acme, "2026-01-31")
    assert not Invoice.objects.exists()
    open_to(acme, "2026-02-01")
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


@pytest.mark.django_db
def test_a_renewal_on_the_first_day_belongs_to_the_new_period(acme: Acme) -> None:
    acme.buys("2026-01-10", input=1)
    open_to(acme, "2026-03-01")
    first, second = Invoice.objects.order_by("number")
    assert [str(c.posted_on) for c in charges_of(first)] == ["2026-01-10"]
    renewals = [str(charge.posted_on) for charge in charges_of(second)]
    assert (renewals[0], renewals[-1], len(renewals)) == ("2026-02-01", "2026-02-28", 28)


@pytest.mark.django_db
def test_a_period_without_charges_has_no_invoice_and_takes_no_number(acme: Acme) -> None:
    lot = acme.lot(acme.buys("2026-01-10", input=1))
    cancel_units(
        organization=acme.organization,
        lot_id=lot.public_id,
        units=1,
        by=acme.alice,
        now=at("2026-01-11"),
    )
    open_to(acme, "2026-03-31")
    InvoicePayment.objects.update(status="paid")
    acme.buys("2026-04-20", input=1)
    open_to(acme, "2026-05-01")
    issued = Invoice.objects.order_by("number").values_list("number", "period_start")
    assert list(issued) == [(1, day("2026-01-01")), (2, day("2026-02-01")), (3, day("2026-04-01"))]


@pytest.mark.django_db
def test_lines_part_where_price_discount_or_type_differ(acme: Acme) -> None:
    acme.buys("2026-01-10", input=1)
    acme.buys("2026-01-20", input=2)
    form = create_order_form(
        organization=acme.organization,
        starts_on=day("2026-02-11"),
        discount_percent=Decimal(20),
        by=OPERATOR,
        now=at("2026-02-01"),
    )
    sign_order_form(form=form, signed_name="Alice", by=acme.alice, now=at("2026-02-01"))
    open_to(acme, "2026-03-01")
    second = Invoice.objects.get(number=2)
    found = second.lines.order_by("discount_percent").values_list("discount_percent", "unit_days")
    assert list(found) == [(Decimal("12.50"), 3 * 10), (Decimal("20.00"), 3 * 18)]
    first = InvoiceLine.objects.get(invoice__number=1)
    assert first.unit_days == 22 + 2 * 12
    statement = statement_of(first.invoice, on=day("2026-03-01"))
    [line] = statement.lines
    assert charges_on(acme.organization, statement, line).count() == 2


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("anchor", "starts"),
    [
        (31, ["2026-01-31", "2026-02-28", "2026-03-31"]),
        (30, ["2026-01-30", "2026-02-28", "2026-03-30"]),
        (15, ["2026-01-15", "2026-02-15", "2026-03-15"]),
    ],
)
def test_periods_roll_over_on_the_anchor_day(anchor: int, starts: list[str]) -> None:
    load_catalogue()
    acme = make_acme("2026-01-02", anchor_day=anchor)
    acme.buys("2026-01-10", input=1)
    open_to(acme, "2026-04-10")
    issued = Invoice.objects.order_by("number").values_list("issued_on", flat=True)
    assert [str(on) for on in issued] == starts


@pytest.mark.django_db
def test_every_invoice_equals_its_charges_and_numbers_have_no_gap(acme: Acme) -> None:
    globex = make_acme(anchor_day=15)
    for company in (acme, globex):
        company.buys("2026-01-10", GPT, input=3, output=1)
        company.buys("2026-02-20", input=2)
        open_to(company, "2026-07-01")
        numbers = company.organization.invoices.order_by("id").values_list("number", flat=True)
        assert list(numbers) == list(range(1, len(numbers) + 1))
    for invoice in Invoice.objects.all():
        charged = [
            LineItem(
                c.model,
                c.kind,
                c.type,
                c.price_per_day,
                c.discount_percent,
                c.amount // c.price_per_day,
            )
            for c in charges_of(invoice)
        ]
        assert (invoice_totals(charged).subtotal, invoice_totals(charged).total) == (
            invoice.subtotal,
            invoice.total,
        )


@pytest.mark.django_db
def test_nothing_is_owed_for_an_invoice_of_nothing() -> None:
    load_catalogue()
    acme = make_acme(discount="100")
    acme.buys("2026-01-10", input=1)
    open_to(acme, "2026-05-01")
    invoice = Invoice.objects.earliest("number")
    assert (invoice.total, invoice.status_on(day("2026-05-01"))) == (0, "paid")
    acme.buys("2026-05-01", input=1)
    assert acme.organization.lots.filter(active_units=0).count() == 0


@pytest.mark.django_db
def test_an_invoice_is_due_as_the_form_in_force_says_not_one_that_came_and_went(
    acme: Acme,
) -> None:
    acme.buys("2026-01-10", GPT, input=1)
    visitor = create_order_form(
        organization=acme.organization,
        starts_on=day("2026-01-15"),
        ends_on=day("2026-01-20"),
        by=OPERATOR,
        now=at("2026-01-10"),
    )
    visitor.days_until_due = 0
    visitor.save()
    sign_order_form(form=visitor, signed_name="Alice", by=acme.alice, now=at("2026-01-10"))
    open_to(acme, "2026-02-01")
    assert Invoice.objects.get().due_on == day("2026-03-03")
