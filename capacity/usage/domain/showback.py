"""Showback: an amount of an invoice, shared by what projects used of the capacity it paid for.

A unit-day is one unit on one service day. All unit-days of an invoice line cost the same, so an
amount is shared as its unit-days are, and each of these as the allowance of its day was used.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from itertools import islice

PRECISION = 10**12
"""A unit-day is shared in so many parts, so that sums are whole numbers, whatever their order."""


class Rest(Enum):
    """What no project used."""

    TO_COME = "to_come"
    """It is charged already and can still be used."""
    IDLE = "idle"


Part = int | Rest
"""Who bears a part of an amount: a project, by its primary key, or nobody."""


@dataclass(frozen=True, slots=True)
class CapacityDay:
    """The units of one kind in a pool on one service day, in weighted tokens (R14).

    `entitled` is what they allow on the whole day, `to_come` the part of it that lies ahead, `used`
    what each project used.
    """

    entitled: int
    to_come: int
    used: Mapping[int, int]

    def parts(self) -> dict[Part, int]:
        """Return the tokens of the day by who used them; what is left is idle.

        Each minute of use is rounded, so its sum may pass what is entitled: then nothing is idle.
        """
        parts: dict[Part, int] = dict(self.used.items())
        idle = max(0, self.entitled - sum(parts.values()) - self.to_come)
        return {**parts, Rest.TO_COME: self.to_come, Rest.IDLE: idle}


@dataclass(frozen=True, slots=True)
class Shares:
    """An amount in minor units, shared. Parts of nothing are left out, unless all is nothing."""

    amounts: Mapping[Part, int]
    weights: Mapping[Part, int]

    def percent(self, part: Part) -> Decimal:
        """Return the percentage of the unit-days that a part bears, rounded down."""
        return Decimal(self.weights[part] * 1000 // sum(self.weights.values())) / 10


def share(amount: int, charged: Iterable[tuple[int, CapacityDay]]) -> Shares:
    """Share an amount of minor units that was charged for some unit-days.

    `charged` are numbers of units with their day, in any order. The amounts add up to `amount`.
    """
    weights: defaultdict[Part, int] = defaultdict(int, {Rest.IDLE: 0})
    for units, day in charged:
        parts = day.parts()
        whole = sum(parts.values())
        left = units * PRECISION
        for part, tokens in parts.items():
            if part != Rest.IDLE and tokens:
                weight = units * PRECISION * tokens // whole
                weights[part] += weight
                left -= weight
        weights[Rest.IDLE] += left
    ordered = {part: weights[part] for part in sorted(weights, key=_place) if weights[part]}
    ordered = ordered or {Rest.IDLE: 1}
    return Shares(_apportion(amount, ordered), ordered)


def _place(part: Part) -> tuple[int, int]:
    """Return the order of parts: projects, what lies ahead, what is idle."""
    return (1, list(Rest).index(part)) if isinstance(part, Rest) else (0, part)


def _apportion(amount: int, weights: Mapping[Part, int]) -> dict[Part, int]:
    """Return the amount by weight: each part is rounded down, the largest remainders get the rest.

    Of equal remainders the earlier part's counts.
    """
    whole = sum(weights.values())
    amounts = {part: amount * weight // whole for part, weight in weights.items()}
    remainders = sorted(weights, key=lambda part: -(amount * weights[part] % whole))
    for part in islice(remainders, amount - sum(amounts.values())):
        amounts[part] += 1
    return amounts
