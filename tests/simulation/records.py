"""The records of the reference: what it stores, and the form in which rows are compared with it."""

from dataclasses import dataclass, field
from datetime import date, timedelta
from fractions import Fraction
from typing import NamedTuple

from tests.simulation.histories import Buy

ONE_DAY = timedelta(days=1)


class Charge(NamedTuple):
    """One posted charge; `lot` is the lot's position in the order of purchase."""

    lot: int
    type: str
    posted_on: date
    service_from: date
    service_to: date
    units: int
    price: int
    discount_percent: Fraction
    amount: int
    in_project: bool


class Expiry(NamedTuple):
    lot: int
    units: int
    ended_on: date
    reason: str


class InvoiceLine(NamedTuple):
    model: str
    kind: str
    type: str
    price: int
    discount_percent: Fraction
    unit_days: int
    amount: int
    discount: int


@dataclass
class Invoice:
    number: int
    period_start: date
    period_end: date
    due_on: date
    lines: set[InvoiceLine]
    status: str = "open"

    @property
    def total(self) -> int:
        return sum(line.amount - line.discount for line in self.lines)


@dataclass
class OrderForm:
    """A signed order form.

    Of several forms in force, the one that starts last applies; of several that start on the same
    day, the one made last.
    """

    starts_on: date
    ends_on: date | None
    discount_percent: Fraction
    model_discounts: dict[str, Fraction] = field(default_factory=dict)
    days_until_due: int = 30
    is_terminated: bool = False

    def in_force(self, day: date) -> bool:
        return self.starts_on <= day and (self.ends_on is None or day < self.ends_on)

    def discount_on(self, model: str) -> Fraction:
        return self.model_discounts.get(model, self.discount_percent)


@dataclass
class Unit:
    """One unit. `ends_on` is planned; `expired_on` has happened."""

    ends_on: date | None = None
    expired_on: date | None = None
    reason: str = ""


@dataclass
class Lot:
    position: int
    model: str
    kind: str
    bought_on: date
    first_term_end: date
    commitment_end: date
    price: int
    units: list[Unit]
    charged_until: date
    in_project: bool

    def active(self) -> list[Unit]:
        return [unit for unit in self.units if unit.expired_on is None]


@dataclass
class Limit:
    """A spend limit; `of_project` None is the organization's own."""

    of_project: bool | None
    amount: int
    is_hard: bool


@dataclass
class PurchaseRequest:
    """A purchase that waits for approval."""

    purchase: Buy
    lapses_on: date
    status: str = "pending"


@dataclass
class Cancellation:
    units: list[Unit]
    undone: bool = False

    @property
    def status(self) -> str:
        if self.undone:
            return "undone"
        return "effective" if any(unit.expired_on for unit in self.units) else "scheduled"


@dataclass
class Catalogue:
    """Prices and retirements, the same for every organization."""

    prices: dict[tuple[str, str], dict[date, int]]
    retires_on: dict[str, date] = field(default_factory=dict)

    def price(self, model: str, kind: str, day: date) -> int:
        by_date = self.prices[model, kind]
        return by_date[max(from_on for from_on in by_date if from_on <= day)]

    def cost_per_day(self, purchase: Buy, day: date) -> int:
        return sum(
            count * self.price(purchase.model, kind, day) for kind, count in purchase.units.items()
        )

    def retired(self, model: str, day: date) -> bool:
        return model in self.retires_on and self.retires_on[model] <= day
