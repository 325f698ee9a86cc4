"""Decimals as people and the API write them."""

from decimal import Decimal


def plain(value: Decimal) -> str:
    """Return the decimal without exponent and without trailing zeros: `12.5`, `1`."""
    return f"{value.normalize():f}"
