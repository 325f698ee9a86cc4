"""Exhaustion: the windows whose allowance was not enough, and since which minute (R14)."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from capacity.usage.domain.coverage import (
    COMBINED,
    SCALE,
    Allowances,
    MinuteUse,
    Weights,
    demands,
)
from capacity.usage.domain.windows import MINUTE, MINUTES_OF_WINDOW, window_of


@dataclass(frozen=True, slots=True)
class Exhaustion:
    """An allowance of a pool that was not enough for a window, in weighted tokens.

    `used` is what asked for it, rounded up, so that at least one token is over.
    """

    pool: int
    kind: str
    allowance: int
    used: int
    ran_out_at: datetime
    """The minute in which the allowance ran out."""

    @property
    def minutes(self) -> int:
        """Return the minutes from the one in which it ran out to the end of the window."""
        passed: int = (self.ran_out_at - window_of(self.ran_out_at)) // MINUTE
        return MINUTES_OF_WINDOW - passed


def exhaustions(
    uses: Iterable[MinuteUse], allowances: Allowances, weights: Weights
) -> list[Exhaustion]:
    """Return the allowances that were not enough for the uses of one snapshot in one window.

    Combined units cover everything in their pool, so other units there are not asked.
    """
    found = []
    for (pool, kind), minutes in demands(uses, allowances, weights).items():
        used, allowed = sum(minutes.values()), allowances[pool][kind]
        is_asked = kind == COMBINED or COMBINED not in allowances[pool]
        if is_asked and used > allowed * SCALE:
            ran_out_at = _ran_out_at(sorted(minutes.items()), allowed * SCALE)
            found.append(Exhaustion(pool, kind, allowed, -(-used // SCALE), ran_out_at))
    return found


def _ran_out_at(minutes: list[tuple[datetime, int]], allowance: int) -> datetime:
    for minute, demand in minutes:
        allowance -= demand
        if allowance <= 0:
            return minute
    raise AssertionError("the minutes ask for more than the allowance")
