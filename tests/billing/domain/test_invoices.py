"""Invoices as pure functions of charges (R8)."""

from collections import Counter
from dataclasses import astuple
from decimal import Decimal
from fractions import Fraction
from math import floor

from hypothesis import given
from hypothesis import strategies as st

from billing.domain.invoices import LineItem, invoice_totals

lines = st.lists(
    st.builds(
        LineItem,
        model=st.sampled_from(["gpt", "grok"]),
        kind=st.sampled_from(["input", "output"]),
        type=st.sampled_from(["first_term", "renewal"]),
        price_per_day=st.integers(0, 3),
        discount_percent=st.sampled_from([Decimal(0), Decimal("12.5"), Decimal(50)]),
        unit_days=st.integers(1, 40),
    ),
    max_size=12,
)


def line(price: int, unit_days: int, *, model: str = "grok", discount: str = "0") -> LineItem:
    return LineItem(model, "input", "renewal", price, Decimal(discount), unit_days)


@given(lines=lines, random=st.randoms(use_true_random=False))
def test_charges_alike_make_one_line_whatever_their_order(lines: list[LineItem], random) -> None:
    unit_days = Counter[tuple[object, ...]]()
    for *common, days in map(astuple, lines):
        unit_days[tuple(common)] += days
    shuffled = random.sample(lines, len(lines))

    totals = invoice_totals(lines)

    assert [astuple(line) for line in totals.lines] == sorted(
        (*common, days) for common, days in unit_days.items()
    )
    assert invoice_totals(shuffled) == totals


@given(lines=lines)
def test_the_sums_are_those_of_the_lines_each_rounded_half_up(lines: list[LineItem]) -> None:
    totals = invoice_totals(lines)
    amounts = [line.unit_days * line.price_per_day for line in totals.lines]
    exact = [
        Fraction(amount) * Fraction(line.discount_percent) / 100
        for amount, line in zip(amounts, totals.lines, strict=True)
    ]
    assert totals.subtotal == sum(amounts)
    assert totals.discount == sum(floor(discount + Fraction(1, 2)) for discount in exact)
    assert totals.total == totals.subtotal - totals.discount


def test_the_discount_is_rounded_once_for_a_line_and_not_for_each_charge() -> None:
    two_charges = invoice_totals([line(1, 1, discount="50"), line(1, 1, discount="50")])
    two_lines = invoice_totals([line(1, 1, discount="50"), line(1, 1, model="gpt", discount="50")])
    assert (two_charges.subtotal, two_charges.discount, two_charges.total) == (2, 1, 1)
    assert (two_lines.subtotal, two_lines.discount, two_lines.total) == (2, 2, 0)


def test_no_charges_add_up_to_nothing() -> None:
    nothing = invoice_totals([])
    assert (nothing.lines, nothing.subtotal, nothing.discount, nothing.total) == ((), 0, 0, 0)
