"""Units and kinds in templates."""

from collections.abc import Mapping
from decimal import Decimal

from django import template

from capacity.models import Kind
from common.decimals import plain
from common.texts import counted

register = template.Library()


@register.filter
def units(value: int, kind: str = "") -> str:
    """Return a number of units as text: `1 input unit`, `4 units`."""
    return counted(value, f"{kind} unit" if kind else "unit")


@register.filter
def units_by_kind(numbers: Mapping[str, int]) -> str:
    """Return units by kind as text: `4 input units and 2 output units`."""
    return " and ".join(units(numbers[kind], kind) for kind in Kind.values if kind in numbers)


@register.filter
def kind_label(kind: str) -> str:
    """Return the label of a kind: `Input`."""
    return Kind(kind).label


@register.filter
def per_million(rate: Decimal, currency: str) -> str:
    """Return a price for a million tokens, with two decimals at least: `$0.275`, `2.50 EUR`."""
    whole, _, decimals = plain(rate).partition(".")
    figure = f"{int(whole):,}.{decimals:0<2}"
    return f"${figure}" if currency == "usd" else f"{figure} {currency.upper()}"


@register.filter
def weight(value: Decimal) -> str:
    """Return the weight of a token without trailing zeros: `0.25`, `10`."""
    return plain(value)
