"""Decimals as people and the API write them."""

from decimal import Decimal

import pytest

from common.decimals import plain


@pytest.mark.parametrize(
    ("value", "text"),
    [("12.50", "12.5"), ("1.0000", "1"), ("100", "100"), ("0.00", "0"), ("1E+2", "100")],
)
def test_a_decimal_has_neither_exponent_nor_trailing_zeros(value: str, text: str) -> None:
    assert plain(Decimal(value)) == text
