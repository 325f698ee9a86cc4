"""Figures with their units, the same everywhere."""

from decimal import Decimal

from django import template

from billing.domain.money import Money
from capacity.models import Cancellation, Kind, Lot

register = template.Library()


@register.filter
def count(value: int) -> str:
    """`1,250,000`."""
    return f"{value:,}"


@register.filter
def units(value: int, kind: str = "") -> str:
    """`1 input unit`, `4 units`."""
    noun = f"{kind} unit" if kind else "unit"
    return f"{value:,} {noun}{'' if value == 1 else 's'}"


@register.filter
def money(amount: int, currency: str) -> Money:
    """Minor units of a currency, as people read them."""
    return Money(amount, currency)


@register.filter
def percent(value: Decimal) -> str:
    """`12.5%`, without idle zeros."""
    return f"{value.normalize():f}%"


@register.filter
def kind_label(kind: str) -> str:
    """`Input`."""
    return Kind(kind).label


@register.filter
def times(price: Money, factor: int) -> Money:
    """A price, so many times."""
    return price * factor


@register.filter
def going_on(lot: Lot) -> int:
    """Active units that no scheduled cancellation ends; `cancelling` is prefetched by its query."""
    cancelling: list[Cancellation] = lot.cancelling  # type: ignore[attr-defined]
    return lot.active_units - sum(cancellation.units for cancellation in cancelling)
