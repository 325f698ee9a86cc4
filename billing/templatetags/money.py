"""Money in templates."""

from django import template

from billing.domain.money import Money

register = template.Library()


@register.filter
def money(amount: int, currency: str) -> Money:
    """Minor units of a currency, as people read them."""
    return Money(amount, currency)


@register.filter
def times(price: Money, factor: int) -> Money:
    """A price multiplied."""
    return price * factor
