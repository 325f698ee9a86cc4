"""How many units would have covered the traffic of the last 30 days (R16)."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import accumulate

from capacity.usage.domain.coverage import SCALE
from capacity.usage.domain.windows import MINUTES_OF_WINDOW

CURVE_POINTS = 60
"""A curve has at most this many steps, whatever the number of units."""


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """What a number of units would have covered: shares between 0 and 1."""

    units: int
    token_share: Decimal
    window_share: Decimal


class Demand:
    """The weighted tokens of each window with traffic, in ten-thousandths of a token, in any order.

    It is sorted and summed once, so that any number of units is answered by one bisection.
    """

    def __init__(self, windows: Sequence[int], *, tpm: int) -> None:
        """`tpm` is tokens per minute of one unit, as it is sold today."""
        self.windows = sorted(weight for weight in windows if weight > 0)
        self.sums = [0, *accumulate(self.windows)]
        self.unit_allowance = tpm * MINUTES_OF_WINDOW * SCALE

    @property
    def needed(self) -> int:
        """Return the units that cover the largest window whole."""
        return -(-self.windows[-1] // self.unit_allowance) if self.windows else 0

    def covered(self, units: int) -> CurvePoint:
        """Return what the number of units would have covered; everything where nothing was used."""
        if not self.windows:
            return CurvePoint(units, Decimal(1), Decimal(1))
        allowance = units * self.unit_allowance
        whole = bisect_right(self.windows, allowance)
        tokens = self.sums[whole] + (len(self.windows) - whole) * allowance
        return CurvePoint(
            units,
            _share(tokens, self.sums[-1]),
            _share(whole, len(self.windows)),
        )

    def curve(self) -> list[CurvePoint]:
        """Return the points from no unit to the units that cover everything."""
        step = max(1, -(-self.needed // CURVE_POINTS))
        units = [*range(0, self.needed, step), self.needed]
        return [self.covered(count) for count in units]


def _share(part: int, whole: int) -> Decimal:
    """Return a share with four decimals, rounded down: 1 says that really everything is covered."""
    return Decimal(part * 10_000 // whole) / 10_000
