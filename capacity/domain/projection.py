"""What existing units will still be charged (R4, R6, R10): renewals foreseen from today."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class Holding:
    """Units alike: charged to the same day, agreed at the same price, with the same known end."""

    units: int
    charged_until: date
    agreed_price: int
    """Minor units a unit and day, until `agreed_until`."""
    agreed_until: date
    ends_on: date | None


def renewals_between(
    start: date, end: date, *, holding: Holding, prices: Sequence[tuple[date, int]]
) -> Mapping[int, int]:
    """Unit-days still to be charged for the service days `[start, end)`, by price per day.

    `prices` are the list prices by the day from which each is in force, oldest first; they rule
    once the agreed price does not (R6).
    """
    first, last = max(start, holding.charged_until), min(end, holding.ends_on or end)
    unit_days: Counter[int] = Counter()
    for priced_from, priced_to, price in _priced(holding, prices):
        days = (min(priced_to or last, last) - max(priced_from, first)).days
        if days > 0:
            unit_days[price] += days * holding.units
    return unit_days


def _priced(
    holding: Holding, prices: Sequence[tuple[date, int]]
) -> Iterable[tuple[date, date | None, int]]:
    """Spans `[start, end)` with the price that rules them; the last span has no end."""
    agreed_until = holding.agreed_until
    yield holding.charged_until, agreed_until, holding.agreed_price
    following = [start for start, _ in prices[1:]] + [None]
    for (start, price), end in zip(prices, following, strict=True):
        if end is None or end > agreed_until:
            yield max(start, agreed_until), end, price
