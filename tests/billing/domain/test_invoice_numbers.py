"""Numbers of invoices that people read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.domain.invoice_numbers import (
    PREFIX,
    display_number,
    parse_number,
    prefix_from_name,
)


@pytest.mark.parametrize(
    ("name", "prefix"),
    [
        ("Acme", "ACM"),
        ("Northwind Labs", "NOL"),
        ("Contoso Robotics (sandbox)", "CRS"),
        ("The Great Northern Railway", "TGN"),
        ("Žluťoučký kůň", "ZLK"),
        ("3M", "3M"),
        ("漢字株式会社", "INV"),
    ],
)
def test_a_prefix_is_short_and_reminds_of_the_name(name: str, prefix: str) -> None:
    assert prefix_from_name(name) == prefix


@given(st.text(), st.integers(1, 999_999_999))
def test_every_name_gives_a_prefix_whose_numbers_are_read_back(name: str, number: int) -> None:
    prefix = prefix_from_name(name)
    assert PREFIX.fullmatch(prefix)
    assert parse_number(f" {display_number(prefix, number).lower()} ") == (prefix, number)


def test_numbers_have_four_digits_or_more() -> None:
    assert display_number("NWL", 4) == "NWL-0004"
    assert display_number("NWL", 12345) == "NWL-12345"
    assert display_number("", 4) == "0004"
    assert parse_number("4") == parse_number("0004") == ("", 4)
    for text in ("inv_0004", "NWL0004-", "NWL-", "", "9" * 40, "NWL-४"):
        assert parse_number(text) is None, text
