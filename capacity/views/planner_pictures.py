"""The picture of the busiest day: its windows without units, and with those of the replay (R16)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from capacity.domain.step_charts import level, short_number, ticks
from capacity.usage.domain.windows import MINUTES_OF_WINDOW, WINDOW
from capacity.usage.queries.replay import KindReplay

PLOT_HEIGHT = 120
"""In units of the picture: pixels, if nobody zooms. One window is one unit wide."""

GAP = 0.12
"""Between two bars, in widths of a window."""

HOURS = (0, 4, 8, 12, 16, 20)


@dataclass(frozen=True, slots=True)
class Label:
    at: float
    text: str


@dataclass(frozen=True, slots=True)
class BusiestDayPicture:
    """Paths of bars: all tokens; those that the units cover, and those that go over them."""

    day: date
    tokens: int
    covered_tokens: int
    alone: str
    covered: str
    over: str
    allowance: int | None
    """Where the allowance is drawn; None if it is above the picture, or nothing is allowed."""
    levels: Sequence[Label]
    rows: SafeString
    """The rows of the table. They are most of an answer, so no template loops over them."""
    width: int
    height: int = PLOT_HEIGHT

    @property
    def hours(self) -> list[Label]:
        """Return the times on the horizontal axis, UTC."""
        return [Label(round(hour * 100 / 24, 3), f"{hour:02d}:00") for hour in HOURS]

    @property
    def over_tokens(self) -> int:
        return self.tokens - self.covered_tokens


def busiest_day_picture(past: KindReplay, units: int) -> BusiestDayPicture | None:
    """Return the picture of a kind; None without traffic. Its scale is the same for all units."""
    busiest = past.replay.busiest_day()
    if busiest is None:
        return None
    allowance = units * past.offer.unit.tpm * MINUTES_OF_WINDOW
    windows = busiest.windows
    *_, top = axis = ticks(max(windows))
    covered = [min(tokens, allowance) for tokens in windows]
    heights = [_height(tokens, top) for tokens in windows]
    of_covered = [_height(tokens, top) for tokens in covered]
    nothing = [PLOT_HEIGHT] * len(windows)
    return BusiestDayPicture(
        day=busiest.day,
        tokens=sum(windows),
        covered_tokens=sum(covered),
        alone=_bars(nothing, heights),
        covered=_bars(nothing, of_covered),
        over=_bars(of_covered, heights),
        allowance=_height(allowance, top) if 0 < allowance <= top else None,
        levels=[Label(_height(value, top), short_number(value)) for value in axis],
        rows=_rows(windows, covered),
        width=len(windows),
    )


def _rows(windows: Sequence[int], covered: Sequence[int]) -> SafeString:
    """Return the rows of the table; `charts.js` reads their attributes."""
    return format_html_join(
        "\n",
        '<tr data-day="{0}" data-label="{1}" data-events="" data-value="{2} covered, {3} over">'
        '<th scope="row">{1}</th><td class="num">{2}</td><td class="num">{3}</td></tr>',
        (
            (number, _time(number), f"{part:,}", f"{tokens - part:,}")
            for number, (tokens, part) in enumerate(zip(windows, covered, strict=True))
        ),
    )


def _height(tokens: int, top: int) -> int:
    return level(tokens, top=top, height=PLOT_HEIGHT)


def _bars(bottoms: Iterable[int], tops: Iterable[int]) -> str:
    """Return one path with a bar for each window that has a height."""
    return "".join(
        f"M{x + GAP / 2:.2f} {bottom}V{y}h{1 - GAP:.2f}V{bottom}Z"
        for x, (bottom, y) in enumerate(zip(bottoms, tops, strict=True))
        if y < bottom
    )


def _time(number: int) -> str:
    minutes = number * WINDOW // timedelta(minutes=1)
    return f"{minutes // 60:02d}:{minutes % 60:02d}"
