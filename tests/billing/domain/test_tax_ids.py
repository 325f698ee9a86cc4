"""The type of a tax id, as the payment provider names it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.domain.tax_ids import EU, TYPES, provider_tax_id


@pytest.mark.parametrize(
    ("country", "typed", "expected"),
    [
        ("DE", "DE 123.456.789", ("eu_vat", "DE123456789")),
        ("DE", "2181508150", ("de_stn", "2181508150")),
        ("GR", "EL123456789", ("eu_vat", "EL123456789")),
        ("FR", "FRXX999999999", ("eu_vat", "FRXX999999999")),
        ("GB", "GB 123456789", ("gb_vat", "GB123456789")),
        ("GB", "XI123456789", ("eu_vat", "XI123456789")),
        ("US", "12-3456789", ("us_ein", "12-3456789")),
        ("US", "123456789", ("us_ein", "12-3456789")),
        ("CH", "CHE-123.456.789 MWST", ("ch_vat", "CHE123456789MWST")),
        ("IN", "29abcde1234f1z5", ("in_gst", "29ABCDE1234F1Z5")),
        ("DE", "FR123456789", None),  # Of another country.
        ("GR", "GR123456789", None),
        ("US", "pending", None),
        ("KE", "P000000000A", None),  # A country that is not in the table.
        ("", "DE123456789", None),
        ("DE", "", None),
    ],
)
def test_a_tax_id_has_the_type_of_its_country_or_none(
    country: str, typed: str, expected: tuple[str, str] | None
) -> None:
    assert provider_tax_id(country, typed) == expected


@given(st.sampled_from([*EU.split(), *TYPES, "XX"]), st.text(max_size=40))
def test_whatever_is_typed_gets_a_type_of_its_country_or_none(country: str, typed: str) -> None:
    found = provider_tax_id(country, typed)
    names = {name for name, _ in TYPES.get(country, ())} | {"eu_vat"}
    assert found is None or found[0] in names
