"""Money, and the only place where it is rounded (R8)."""

from decimal import Decimal
from fractions import Fraction
from math import floor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.domain.money import Money, discount_on

percents = st.decimals(min_value=0, max_value=100, places=2)
amounts = st.integers(min_value=0, max_value=10**15)


@given(amount=amounts, percent=percents)
def test_a_discount_is_rounded_half_up_to_the_cent(amount: int, percent: Decimal) -> None:
    exact = Fraction(amount) * Fraction(percent) / 100
    assert discount_on(amount, percent) == floor(exact + Fraction(1, 2))


@pytest.mark.parametrize(
    ("amount", "percent", "discount"),
    [(1, "50", 1), (3, "50", 2), (1, "49.99", 0), (12459, "12.5", 1557), (100, "0", 0)],
)
def test_half_a_cent_is_rounded_up(amount: int, percent: str, discount: int) -> None:
    assert discount_on(amount, Decimal(percent)) == discount


@pytest.mark.parametrize(
    ("money", "text"),
    [
        (Money(240000, "usd"), "$2,400.00"),
        (Money(5, "usd"), "$0.05"),
        (Money(0, "usd"), "$0.00"),
        (Money(-1999, "usd"), "−$19.99"),
        (Money(123456, "eur"), "1,234.56 EUR"),
    ],
)
def test_money_reads_as_people_write_it(money: Money, text: str) -> None:
    assert str(money) == text


def test_money_is_added_and_multiplied_in_its_currency() -> None:
    assert Money(100, "eur") + Money(25, "eur") == Money(125, "eur")
    assert Money(125, "eur") * 3 == Money(375, "eur")


def test_refuses_to_add_two_currencies() -> None:
    with pytest.raises(ValueError, match=r"^cannot add eur to usd$"):
        Money(1, "usd") + Money(1, "eur")


def test_the_api_gives_minor_units_and_the_currency() -> None:
    assert Money(12459, "usd").document() == {"amount": 12459, "currency": "usd"}
