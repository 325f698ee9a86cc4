"""The geometry of step charts: scales, ticks and paths. It knows neither colours nor markup.

A chart spans service days. Horizontal positions are percent of its width, so that it fits any
screen; vertical ones, and those of paths, are whole units of its own coordinates.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

ONE_DAY = timedelta(days=1)
MOST_TICKS = 4
"""A vertical axis has at most so many intervals."""

SUFFIXES = ((10**12, "T"), (10**9, "B"), (10**6, "M"), (10**3, "K"))

Level = tuple[date, int]
"""A value, and the day from which it holds."""


@dataclass(frozen=True, slots=True)
class DayScale:
    """The service days `[start, end)` from left to right."""

    start: date
    end: date

    @property
    def days(self) -> int:
        return (self.end - self.start).days

    def index(self, day: date) -> int:
        """Return how many days a day is from the left; a day outside is moved to the edge."""
        return min(max((day - self.start).days, 0), self.days)

    def percent(self, day: date) -> float:
        """Return the position of 00:00 UTC of a day in percent of the width."""
        return round(self.index(day) * 100 / self.days, 3)

    def months(self) -> Iterator[date]:
        """Yield the first day of each month within the chart, the left edge left out."""
        day = self.start + ONE_DAY
        while day < self.end:
            if day.day == 1:
                yield day
            day += ONE_DAY


def ticks(largest: int) -> list[int]:
    """Return round values from 0 to at least `largest`, evenly apart; the last is the top."""
    if largest <= 0:
        return [0, 1]
    interval = _round_interval(largest)
    return list(range(0, largest + interval, interval))


def _round_interval(largest: int) -> int:
    """Return the least of 1, 2 and 5, times a power of ten, of which MOST_TICKS are enough."""
    power = 1
    while True:
        for factor in (1, 2, 5):
            if factor * power * MOST_TICKS >= largest:
                return factor * power
        power *= 10


def short_number(value: int) -> str:
    """Return a round number in short: `500`, `120K`, `2.5M`."""
    for size, suffix in SUFFIXES:
        if value >= size:
            return f"{value / size:.10g}{suffix}"
    return str(value)


@dataclass(frozen=True, slots=True)
class StepPaths:
    """SVG paths of a step line and of the area below it."""

    line: str
    area: str


def step_paths(
    levels: Sequence[Level], scale: DayScale, *, top: int, height: int, start: date, end: date
) -> StepPaths:
    """Return the paths of the part `[start, end)` of a chart; one day is one unit wide.

    `levels` begin at or before `start`. `top` is the value at y 0; the value 0 is at y `height`.
    """
    points = [(scale.index(day), level(value, top=top, height=height)) for day, value in levels]
    left, right = scale.index(start), scale.index(end)
    following = [*(x for x, _ in points[1:]), scale.days]
    drawn = [
        (min(until, right), y)
        for (x, y), until in zip(points, following, strict=True)
        if until > left and x < right
    ]
    if not drawn:
        return StepPaths("", "")
    line = f"M{left} {drawn[0][1]}" + "".join(f"V{y}H{until}" for until, y in drawn)
    return StepPaths(line, f"{line}V{height}H{left}Z")


def level(value: int, *, top: int, height: int) -> int:
    """Return the vertical position of a value, rounded to whole units."""
    return height - round(value * height / top)
