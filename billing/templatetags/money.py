"""Money in templates."""

from django import template

from billing.domain.money import Money

register = template.Library()


@register.filter
def money(amount: int, currency: str) -> Money:
    """Return minor units of a currency as Money, which prints as `$1,234.50`."""
    return Money(amount, currency)


@register.filter
def times(price: Money, factor: int) -> Money:
    """Return a price multiplied by a factor."""
    return price * factor
