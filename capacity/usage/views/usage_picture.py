"""The picture of usage: stacked bars, with the entitlement drawn over them."""

from calendar import MONDAY
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from capacity.domain.step_charts import level, short_number, ticks
from capacity.usage.queries.exhausted import Exhausted
from capacity.usage.queries.usage import Bucket, Usage, View

PLOT_HEIGHT = 200
"""In units of the picture: pixels, if nobody zooms. One bucket is one unit wide."""

HAS_LABEL: Mapping[View, Callable[[datetime], bool]] = {
    View.DAYS: lambda start: start.weekday() == MONDAY,
    View.WINDOWS: lambda start: start.minute == 0 and start.hour % 4 == 0,
    View.MINUTES: lambda start: start.minute % 5 == 0,
}
"""Which buckets have a label: each Monday, and every four hours or five minutes."""

GAP = 0.12
"""Between two bars, in widths of a bucket."""


@dataclass(frozen=True, slots=True)
class Bar:
    """One bucket: the tops of both parts and their heights, from the top of the plot."""

    x: float
    scale_y: int
    scale_height: int
    account_y: int
    account_height: int


@dataclass(frozen=True, slots=True)
class Label:
    at: float
    text: str


@dataclass(frozen=True, slots=True)
class UsagePicture:
    """The bars of a view, its axes, and the line of the entitlement."""

    bars: Sequence[Bar]
    exhausted: Sequence[float]
    """The left edges of the buckets in which capacity was exhausted."""
    entitlement: str
    levels: Sequence[Label]
    labels: Sequence[Label]
    width: int
    bar_width: float = 1 - GAP
    height: int = PLOT_HEIGHT


def bucket_label(view: View, bucket: Bucket) -> str:
    """Return the day of a bucket, or its time; UTC."""
    return f"{bucket.start:%Y-%m-%d}" if view == View.DAYS else f"{bucket.start:%Y-%m-%d %H:%M}"


def usage_picture(
    usage: Usage, view: View, exhausted: Mapping[datetime, Exhausted]
) -> UsagePicture:
    """Return the picture of the buckets of a view, with marks where capacity was exhausted."""
    buckets = usage.buckets
    largest = max(max(bucket.scale + bucket.account, bucket.entitlement) for bucket in buckets)
    *_, top = axis = ticks(largest)
    return UsagePicture(
        bars=[
            _bar(position, bucket, top)
            for position, bucket in enumerate(buckets)
            if bucket.scale or bucket.account
        ],
        exhausted=[
            position + GAP / 2
            for position, bucket in enumerate(buckets)
            if bucket.start in exhausted and exhausted[bucket.start].windows
        ],
        entitlement=_step_line([bucket.entitlement for bucket in buckets], top),
        levels=[
            Label(level(value, top=top, height=PLOT_HEIGHT), short_number(value))
            for value in axis
            if largest or not value
        ],
        labels=_labels(buckets, view),
        width=len(buckets),
    )


def _bar(position: int, bucket: Bucket, top: int) -> Bar:
    of_scale = level(bucket.scale, top=top, height=PLOT_HEIGHT)
    of_both = level(bucket.scale + bucket.account, top=top, height=PLOT_HEIGHT)
    return Bar(
        x=position + GAP / 2,
        scale_y=of_scale,
        scale_height=PLOT_HEIGHT - of_scale,
        account_y=of_both,
        account_height=of_scale - of_both,
    )


def _step_line(values: Sequence[int], top: int) -> str:
    """Return the path of a step line; nothing where nothing is entitled."""
    if not any(values):
        return ""
    heights = [level(value, top=top, height=PLOT_HEIGHT) for value in values]
    return f"M0 {heights[0]}" + "".join(f"V{y}H{x + 1}" for x, y in enumerate(heights))


def _labels(buckets: Sequence[Bucket], view: View) -> list[Label]:
    return [
        Label(
            round((position + 0.5) * 100 / len(buckets), 3),
            f"{bucket.start:%m-%d}" if view == View.DAYS else f"{bucket.start:%H:%M}",
        )
        for position, bucket in enumerate(buckets)
        if HAS_LABEL[view](bucket.start)
    ]
