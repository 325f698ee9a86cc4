"""Money: integer minor units with a currency, and the only rounding."""

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

MINOR_UNITS_PER_MAJOR = 100

MAX_AMOUNT = 10**15
"""The largest amount that somebody can set, in minor units: no sum of it overflows."""


@dataclass(frozen=True, slots=True, order=True)
class Money:
    """An amount in minor units (cents) of a lower-case ISO currency."""

    amount: int
    currency: str

    def __add__(self, other: "Money") -> "Money":
        if other.currency != self.currency:
            raise ValueError(f"cannot add {other.currency} to {self.currency}")
        return Money(self.amount + other.amount, self.currency)

    def __mul__(self, factor: int) -> "Money":
        return Money(self.amount * factor, self.currency)

    def __str__(self) -> str:
        """Return `$1,234.50` for US dollars; other currencies have their code: `1,234.50 EUR`."""
        major, minor = divmod(abs(self.amount), MINOR_UNITS_PER_MAJOR)
        sign = "−" if self.amount < 0 else ""
        figure = f"{major:,}.{minor:02d}"
        if self.currency == "usd":
            return f"{sign}${figure}"
        return f"{sign}{figure} {self.currency.upper()}"

    def document(self) -> dict[str, Any]:
        """Return the JSON object of the API: `{"amount": 12459, "currency": "usd"}`."""
        return {"amount": self.amount, "currency": self.currency}


def discount_on(amount: int, percent: Decimal) -> int:
    """Return `percent` of `amount`, in minor units and rounded half up (R8)."""
    return int((amount * percent / 100).to_integral_value(rounding=ROUND_HALF_UP))
