"""Callouts: capacity that is paid and unused, and capacity that is not enough, day after day."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from capacity.usage.domain.coverage import SCALE
from capacity.usage.domain.windows import MINUTES_OF_WINDOW, closed_until

CALLOUT_DAYS = 7
"""The callouts of the Scale Tier page look back so many service days."""


@dataclass(frozen=True, slots=True)
class DaySpan:
    """Whole service days `[start, end)`, of which every window is closed."""

    start: date
    end: date

    @property
    def days(self) -> Sequence[date]:
        count = (self.end - self.start).days
        return [self.start + timedelta(days=number) for number in range(count)]


def last_closed_days(now: datetime, count: int = CALLOUT_DAYS) -> DaySpan:
    """Return the last days of which every window is closed at `now`.

    The last window of a day closes at 01:00 of the next one.
    """
    end = closed_until(now).date()
    return DaySpan(end - timedelta(days=count), end)


@dataclass(frozen=True, slots=True)
class HeldUnits:
    """Units of one lot that were active in the whole span and that no cancellation ends.

    `price` is what one of them costs today, in minor units at standard rates (R6).
    """

    lot: str
    units: int
    tpm: int
    price: int
    commitment_ends_on: date

    @property
    def unit_allowance(self) -> int:
        """Return what one unit allows in a window, in ten-thousandths of a token."""
        return self.tpm * MINUTES_OF_WINDOW * SCALE


@dataclass(frozen=True, slots=True)
class IdleUnits:
    """Units of a lot that nothing needed."""

    lot: str
    units: int
    per_day: int
    """Minor units at standard rates."""


def idle_units(held: Iterable[HeldUnits], largest_window: int) -> list[IdleUnits]:
    """Return the units without which the rest still covers the largest window.

    `held` are the units of one kind in one pool; `largest_window` is in ten-thousandths of a token.
    Taken first are the units whose commitment ends first: cancelling them saves soonest.
    """
    lots = sorted(held, key=lambda lot: (lot.commitment_ends_on, lot.lot))
    spare = sum(lot.units * lot.unit_allowance for lot in lots) - largest_window
    idle = []
    for lot in lots:
        if units := min(lot.units, max(0, spare) // lot.unit_allowance):
            spare -= units * lot.unit_allowance
            idle.append(IdleUnits(lot.lot, units, units * lot.price))
    return idle


def is_exhausted_daily(exhausted: Iterable[datetime], span: DaySpan) -> bool:
    """Return whether each day of the span has one of the exhausted windows, given by start."""
    return {window.date() for window in exhausted} >= set(span.days)
