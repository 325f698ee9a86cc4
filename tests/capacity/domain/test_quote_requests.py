"""The units that expected traffic needs (R23)."""

from decimal import Decimal
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from capacity.domain.quote_requests import expected_units

tokens = st.integers(min_value=0, max_value=10**10)
sizes = st.integers(min_value=1, max_value=10**7)
weights = st.decimals(min_value=0, max_value=100, places=4)


def test_the_worked_example_rounds_2_4_units_up() -> None:
    assert expected_units(
        input_tpm=60_000,
        output_tpm=10_000,
        tpm_per_unit={"combined": 50_000},
        output_weight=Decimal(6),
    ) == {"combined": 3}


@given(input_tpm=tokens, output_tpm=tokens, input_size=sizes, output_size=sizes)
def test_units_of_each_kind_cover_its_tokens_and_one_unit_less_does_not(
    input_tpm: int, output_tpm: int, input_size: int, output_size: int
) -> None:
    units = expected_units(
        input_tpm=input_tpm,
        output_tpm=output_tpm,
        tpm_per_unit={"input": input_size, "output": output_size},
        output_weight=None,
    )
    for tpm, size, needed in (
        (input_tpm, input_size, units["input"]),
        (output_tpm, output_size, units["output"]),
    ):
        assert needed * size >= tpm > (needed - 1) * size


@given(input_tpm=tokens, output_tpm=tokens, size=sizes, weight=st.none() | weights)
def test_combined_units_cover_input_and_weighted_output_to_the_last_digit(
    input_tpm: int, output_tpm: int, size: int, weight: Decimal | None
) -> None:
    units = expected_units(
        input_tpm=input_tpm,
        output_tpm=output_tpm,
        tpm_per_unit={"combined": size},
        output_weight=weight,
    )
    weighted = input_tpm + Fraction(1 if weight is None else weight) * output_tpm
    assert units.keys() == {"combined"}
    assert units["combined"] * size >= weighted > (units["combined"] - 1) * size


@given(tpm=tokens, more=tokens, size=sizes)
def test_more_traffic_never_needs_fewer_units(tpm: int, more: int, size: int) -> None:
    def units(input_tpm: int) -> int:
        sold = {"input": size}
        return expected_units(
            input_tpm=input_tpm, output_tpm=0, tpm_per_unit=sold, output_weight=None
        )["input"]

    assert units(tpm) <= units(tpm + more)
