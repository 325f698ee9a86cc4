"""The replay: what a number of units would have covered of past windows (R16).

All projects and pools of a snapshot are taken together. Within a window every group of tokens has
the same share covered, so that figures need no minutes. Everything is exact: weighted tokens are
counted in ten-thousandths of a token, money in fractions of a minor unit until it is rounded once.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import accumulate
from typing import NamedTuple

from capacity.usage.domain.coverage import INPUT, OUTPUT, SCALE, Weights
from capacity.usage.domain.windows import MINUTES_OF_WINDOW, WINDOWS_OF_DAY, start_of

RATE_SCALE = 10**10
"""Rates are counted in this fraction of a minor unit for a token."""

FINE = 1 << 128
"""The price of a weighted token of one window is kept in this fraction, only to compare."""


class Tokens(NamedTuple):
    """Whole tokens by what they cost: input that was not cached, cached input, output."""

    uncached: int = 0
    cached: int = 0
    output: int = 0

    @property
    def total(self) -> int:
        return self.uncached + self.cached + self.output

    def plus(self, other: "Tokens", times: int = 1) -> "Tokens":
        """Return the sum with so many times the others."""
        return Tokens(
            self.uncached + times * other.uncached,
            self.cached + times * other.cached,
            self.output + times * other.output,
        )


Window = tuple[int, int, int, int, int]
"""What a window counts against an allowance, in ten-thousandths; its number, and its tokens."""


def sum_of(parts: Iterable[tuple[int, ...]]) -> Tokens:
    """Return the sum of tokens, each in the order of `Tokens`."""
    rows = list(parts)
    return Tokens(*(sum(column) for column in zip(*rows, strict=True))) if rows else Tokens()


Traffic = Collection[tuple[int, int, int, int]]
"""Each window with traffic: its number, and its tokens in the order of `Tokens`."""


@dataclass(frozen=True, slots=True)
class Rates:
    """What the account plan costs, in `RATE_SCALE`ths of a minor unit for a token."""

    uncached: int
    cached: int
    output: int

    @classmethod
    def of(cls, *, uncached: Decimal, cached: Decimal | None, output: Decimal) -> "Rates":
        """Return the rates of prices in major units for a million tokens, with six decimals.

        Without a price of its own a cached token costs what another input token costs.
        """
        known = (uncached, uncached if cached is None else cached, output)
        return cls(*(int(rate * 10**6) for rate in known))

    def cost(self, tokens: Tokens) -> int:
        """Return what tokens cost, in `RATE_SCALE`ths of a minor unit."""
        uncached, cached, output = tokens
        return uncached * self.uncached + cached * self.cached + output * self.output


def minor_units(cost: int, *, days: int) -> int:
    """Return a cost in `RATE_SCALE`ths by the day, in minor units and rounded half up."""
    whole = RATE_SCALE * days
    return (2 * cost + whole) // (2 * whole)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a number of units would have covered of the tokens of their kind; the rest is `over`."""

    units: int
    covered: Tokens
    over: Tokens
    windows: int
    """Windows with traffic of the kind."""
    whole_windows: int
    """Those of them that would have been covered whole."""

    @property
    def token_percent(self) -> Decimal:
        """Return the covered percentage of the tokens, rounded down; of none, 100."""
        total = self.covered.total + self.over.total
        return Decimal(self.covered.total * 1000 // total if total else 1000) / 10


@dataclass(frozen=True, slots=True)
class BusiestDay:
    """The service day with the most tokens: those of its windows, weighted, in whole tokens."""

    day: date
    windows: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class BreakEven:
    """When a unit costs no more than what it saves on the account plan, at the mix of the traffic.

    Tokens are weighted whole tokens a day.
    """

    tokens: int | None
    """The unit pays from so many covered tokens on; None if these tokens cost nothing."""
    full_tokens: int
    """The most that a unit can cover."""
    full_worth: int
    """What these would cost on the account plan, in minor units."""
    units: int
    """As many units of the past traffic pay for themselves; with them it costs least."""


class Replay:
    """The traffic of one kind of unit, ready to be replayed against any number of units."""

    def __init__(self, traffic: Traffic, *, kind: str, weights: Weights, tpm: int) -> None:
        """`tpm` is tokens per minute of one unit, as it is sold today."""
        self.unit_allowance = tpm * MINUTES_OF_WINDOW * SCALE
        weigh = weights.weigh
        self.windows = sorted(
            (weigh(kind, uncached + cached, cached, output), number, uncached, cached, output)
            for number, uncached, cached, output in traffic
        )
        self.demands = [window[0] for window in self.windows]
        self.counts_input, self.counts_output = kind != OUTPUT, kind != INPUT
        self.total = self._counted(sum_of(window[2:] for window in self.windows))

    def _counted(self, tokens: Tokens) -> Tokens:
        """Return those of the tokens that units of the kind cover."""
        counted = self.counts_input, self.counts_input, self.counts_output
        return Tokens(*(part * counts for part, counts in zip(tokens, counted, strict=True)))

    @property
    def needed(self) -> int:
        """Return the units that cover the largest window whole."""
        return -(-self.demands[-1] // self.unit_allowance) if self.demands else 0

    @property
    def is_weighted(self) -> bool:
        """Return whether some tokens count more or less than one token."""
        return sum(self.demands) != self.total.total * SCALE

    def with_units(self, units: int) -> Outcome:
        """Return what the units would have covered, in whole tokens: a half rounds up (R14)."""
        allowance = units * self.unit_allowance
        first_without = bisect_right(self.demands, 0)
        first_over = bisect_right(self.demands, allowance) if units else 0
        over = self._counted(sum_of(_rest(row, allowance) for row in self.windows[first_over:]))
        return Outcome(
            units,
            covered=self.total.plus(over, -1),
            over=over,
            windows=len(self.demands) - first_without,
            whole_windows=max(0, first_over - first_without),
        )

    def busiest_day(self) -> BusiestDay | None:
        """Return the day with the most weighted tokens, the earliest of equal ones, if any."""
        days: defaultdict[int, int] = defaultdict(int)
        for demand, number, *_ in self.windows:
            days[number // WINDOWS_OF_DAY] += demand
        if not any(days.values()):
            return None
        busiest = min(days, key=lambda day: (-days[day], day))
        windows = [0] * WINDOWS_OF_DAY
        for demand, number, *_ in self.windows:
            day, position = divmod(number, WINDOWS_OF_DAY)
            if day == busiest:
                windows[position] = (demand + SCALE // 2) // SCALE
        return BusiestDay(start_of(busiest * WINDOWS_OF_DAY).date(), tuple(windows))

    def break_even(self, rates: Rates, *, price_per_day: int, days: int) -> BreakEven | None:
        """Return when a unit pays; None without traffic that uses an allowance.

        `price_per_day` of a unit is in minor units; `days` is how long the traffic took.
        """
        demand = sum(self.demands)
        if not demand:
            return None
        worth = rates.cost(self.total)
        full = self.unit_allowance * WINDOWS_OF_DAY
        price = price_per_day * RATE_SCALE
        return BreakEven(
            tokens=-(-price * demand // (worth * SCALE)) if worth else None,
            full_tokens=full // SCALE,
            full_worth=(2 * full * worth + demand * RATE_SCALE) // (2 * demand * RATE_SCALE),
            units=self._units_that_pay(rates, price * days),
        )

    def _units_that_pay(self, rates: Rates, price: int) -> int:
        """Return the largest number whose last unit saves at least its price.

        Each further unit saves no more than the one before, so bisection finds it.
        """
        uncached, cached = (self.counts_input * rate for rate in (rates.uncached, rates.cached))
        output = self.counts_output * rates.output
        costs = [a * uncached + b * cached + c * output for _, _, a, b, c in self.windows]
        whole = [0, *accumulate(costs)]
        pairs = list(zip(costs, self.demands, strict=True))
        per_token = [
            0,
            *accumulate(cost * FINE // demand if demand else 0 for cost, demand in pairs),
        ]

        def saved(units: int) -> int:
            allowance = units * self.unit_allowance
            count = bisect_right(self.demands, allowance) if units else 0
            return whole[count] * FINE + allowance * (per_token[-1] - per_token[count])

        low, high = 0, self.needed
        while low < high:
            middle = (low + high + 1) // 2
            if saved(middle) - saved(middle - 1) >= price * FINE:
                low = middle
            else:
                high = middle - 1
        return low


def _rest(window: Window, allowance: int) -> tuple[int, int, int]:
    """Return the tokens of a window that go over the allowance."""
    demand, _, uncached, cached, output = window
    if not allowance:
        return uncached, cached, output
    twice = 2 * demand
    return (
        uncached - (2 * uncached * allowance + demand) // twice,
        cached - (2 * cached * allowance + demand) // twice,
        output - (2 * output * allowance + demand) // twice,
    )
