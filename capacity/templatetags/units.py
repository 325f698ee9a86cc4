"""Units and kinds in templates."""

from django import template

from capacity.models import Kind
from common.texts import counted

register = template.Library()


@register.filter
def units(value: int, kind: str = "") -> str:
    """Return a number of units as text: `1 input unit`, `4 units`."""
    return counted(value, f"{kind} unit" if kind else "unit")


@register.filter
def kind_label(kind: str) -> str:
    """Return the label of a kind: `Input`."""
    return Kind(kind).label
