"""An invoice as a pure function of charges (R8)."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from decimal import Decimal

from billing.domain.money import discount_on


@dataclass(frozen=True, slots=True, order=True)
class LineItem:
    """Unit-days of charges with the same model, kind, type, price and discount (R8).

    Prices and amounts are minor units.
    """

    model: str
    kind: str
    type: str
    price_per_day: int
    discount_percent: Decimal
    unit_days: int

    @property
    def amount(self) -> int:
        """Return the amount at the list price, in minor units."""
        return self.unit_days * self.price_per_day

    @property
    def discount(self) -> int:
        """Return the discount in minor units, rounded half up (R8). Nothing else is rounded."""
        return discount_on(self.amount, self.discount_percent)


@dataclass(frozen=True, slots=True)
class InvoiceTotals:
    """The lines of an invoice and their sums, in minor units."""

    lines: tuple[LineItem, ...]

    @property
    def subtotal(self) -> int:
        return sum(line.amount for line in self.lines)

    @property
    def discount(self) -> int:
        return sum(line.discount for line in self.lines)

    @property
    def total(self) -> int:
        return self.subtotal - self.discount


def invoice_totals(lines: Iterable[LineItem]) -> InvoiceTotals:
    """Merge lines that differ only in their unit-days, sort them, and return them with their sums.

    The order of `lines` does not matter.
    """
    unit_days: Counter[LineItem] = Counter()
    for line in lines:
        unit_days[replace(line, unit_days=0)] += line.unit_days
    merged = (replace(line, unit_days=days) for line, days in unit_days.items())
    return InvoiceTotals(tuple(sorted(merged)))
