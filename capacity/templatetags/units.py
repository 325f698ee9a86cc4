"""Units and kinds in templates."""

from collections.abc import Mapping

from django import template

from capacity.models import Kind
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
