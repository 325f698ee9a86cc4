"""The nouns of the reference: what it remembers, and what it is compared by."""

from dataclasses import dataclass, field
from datetime import date, timedelta
from fractions import Fraction
from typing import NamedTuple

ONE_DAY = timedelta(days=1)


class Charge(NamedTuple):
    """One posted charge; `lot` is the lot's place in the order of purchase."""

    lot: int
    type: str
    posted_on: date
    service_from: date
    service_to: date
    units: int
    price: int
    discount: Fraction
    amount: int


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
    start: date
    end: date
    due_on: date
    lines: set[InvoiceLine]
    status: str = "open"

    @property
    def total(self) -> int:
        return sum(line.amount - line.discount for line in self.lines)


@dataclass
class Form:
    """A signed order form; of several in force the one that starts last, made last, rules."""

    starts_on: date
    ends_on: date | None
    discount: Fraction
    by_model: dict[str, Fraction] = field(default_factory=dict)
    due_in: int = 30

    def in_force(self, day: date) -> bool:
        return self.starts_on <= day and (self.ends_on is None or day < self.ends_on)

    def discount_on(self, model: str) -> Fraction:
        return self.by_model.get(model, self.discount)


@dataclass
class Unit:
    """One unit. `ends_on` is a plan, `gone_on` a fact."""

    ends_on: date | None = None
    gone_on: date | None = None
    reason: str = ""


@dataclass
class Lot:
    place: int
    model: str
    kind: str
    bought_on: date
    first_term_end: date
    commitment_end: date
    price: int
    units: list[Unit]
    paid_until: date

    def active(self) -> list[Unit]:
        return [unit for unit in self.units if unit.gone_on is None]


@dataclass
class Cancellation:
    units: list[Unit]
    undone: bool = False

    @property
    def status(self) -> str:
        if self.undone:
            return "undone"
        return "effective" if any(unit.gone_on for unit in self.units) else "scheduled"


@dataclass
class Catalogue:
    """What every organization sees alike."""

    prices: dict[tuple[str, str], dict[date, int]]
    retires_on: dict[str, date] = field(default_factory=dict)

    def price(self, model: str, kind: str, day: date) -> int:
        dated = self.prices[model, kind]
        return dated[max(since for since in dated if since <= day)]

    def retired(self, model: str, day: date) -> bool:
        return model in self.retires_on and self.retires_on[model] <= day
