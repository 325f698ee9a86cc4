"""The token units that expected traffic needs (R23)."""

from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction

INPUT, OUTPUT, COMBINED = "input", "output", "combined"


def units_needed(*, tokens: Fraction, tpm_per_unit: int) -> int:
    """Return the smallest number of units whose TPM cover `tokens` per minute."""
    return -(-tokens // tpm_per_unit)


def expected_units(
    *,
    input_tpm: int,
    output_tpm: int,
    tpm_per_unit: Mapping[str, int],
    output_weight: Decimal | None,
) -> dict[str, int]:
    """Return the units of each kind that expected TPM need, rounded up (R23).

    `tpm_per_unit` has the kinds that the snapshot is sold as, which are the kinds of the result. A
    `combined` unit covers both directions, and an output token counts `output_weight` in it, 1
    where the snapshot has none.
    """
    weight = Fraction(1 if output_weight is None else output_weight)
    expected = {
        INPUT: Fraction(input_tpm),
        OUTPUT: Fraction(output_tpm),
        COMBINED: input_tpm + weight * output_tpm,
    }
    return {
        kind: units_needed(tokens=expected[kind], tpm_per_unit=tpm)
        for kind, tpm in tpm_per_unit.items()
    }
