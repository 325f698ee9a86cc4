"""Pictures of the timeline: step charts with their words and their table (R22)."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from accounts.models import Organization
from billing.queries.standing import Standing
from capacity.domain.step_charts import (
    DayScale,
    StepPaths,
    level,
    short_number,
    step_paths,
    ticks,
)
from capacity.domain.timeline import Cause, Step
from capacity.models import Kind
from capacity.queries.lot_terms import Plan
from capacity.queries.timeline import REACH, KindTimeline, timelines
from capacity.views.timeline_words import mark_in_words, timeline_in_words

PLOT_HEIGHT = 88
"""In units of the picture, like the lanes: pixels, if nobody zooms."""

LANES = {Cause.PURCHASE: 0, Cause.COMMITMENT_END: 2}
"""Marks are in lanes above the plot, so that those of one day do not cover each other."""

ENDS_LANE = 1
LANE_HEIGHT = 12


@dataclass(frozen=True, slots=True)
class Tick:
    """A place on an axis, and its label."""

    at: float
    label: str


@dataclass(frozen=True, slots=True)
class PlacedMark:
    """A mark: percent of the width, units from the top, and the symbol in `icons.svg`."""

    x: float
    y: int
    symbol: str
    text: str


@dataclass(frozen=True, slots=True)
class TableRow:
    """A day on which something happens; `day` is its place on the slider. The last line is `now`.

    `before` is the TPM without the plan; None where there is no plan.
    """

    day: int
    starts_on: date
    units: int
    tpm: int
    before: int | None
    events: str


@dataclass(frozen=True, slots=True)
class Picture:
    """One kind of a snapshot, as a picture, in words and as a table."""

    timeline: KindTimeline
    scale: DayScale
    today: date
    words: str
    levels: Sequence[Tick]
    recorded: StepPaths
    foreseen: StepPaths
    before: str
    """The line of the days to come without the plan; empty where there is no plan."""
    marks: Sequence[PlacedMark]
    rows: Sequence[TableRow]

    @property
    def id(self) -> str:
        """Return an id that is unique on a page."""
        return f"timeline-{self.timeline.model.replace('.', '-')}-{self.timeline.kind}"

    @property
    def months(self) -> list[Tick]:
        """Return the first day of each month."""
        return [Tick(self.scale.percent(day), f"{day:%Y-%m}") for day in self.scale.months()]

    @property
    def today_at(self) -> float:
        return self.scale.percent(self.today)

    @property
    def today_index(self) -> int:
        return self.scale.index(self.today)

    @property
    def last_index(self) -> int:
        """Return the place of the last day on the slider."""
        return self.scale.days - 1

    @property
    def present(self) -> TableRow:
        """Return the row that holds today."""
        return next(row for row in reversed(self.rows) if row.starts_on <= self.today)


def pictures(
    organization: Organization,
    present: Standing,
    *,
    model: str | None = None,
    kinds: Collection[Kind] | None = None,
    plan: Plan | None = None,
    now: str = "now",
) -> list[Picture]:
    """Return a picture of each of the kinds, from 90 days before today to 90 days after it.

    With a `plan`, the pictures are of what would be after it, and show what is to come before it.
    `now` is how the words call today.
    """
    on = present.on
    scale = DayScale(on - REACH, on + REACH + timedelta(days=1))
    before, after = timelines(
        organization,
        present,
        start=scale.start,
        end=scale.end,
        model=model,
        kinds=kinds,
        plans=[None, plan],
    )
    return [
        _picture(was if plan else None, timeline, scale, on, now)
        for was, timeline in zip(before, after, strict=True)
    ]


def _picture(
    was: KindTimeline | None, timeline: KindTimeline, scale: DayScale, today: date, now: str
) -> Picture:
    steps = timeline.steps
    every = [*steps, *(was.steps if was else ())]
    largest = max(step.tpm for step in every)
    *_, top = axis = ticks(largest)
    tomorrow = today + timedelta(days=1)
    changes_today = today if was else tomorrow  # What a plan changes today is not recorded yet.

    def drawn(steps: Sequence[Step], start: date, end: date) -> StepPaths:
        values = [(step.starts_on, step.tpm) for step in steps]
        return step_paths(values, scale, top=top, height=PLOT_HEIGHT, start=start, end=end)

    return Picture(
        timeline=timeline,
        scale=scale,
        today=today,
        words=timeline_in_words(steps, timeline.marks, on=today, end=scale.end, now=now),
        levels=[
            Tick(level(value, top=top, height=PLOT_HEIGHT), short_number(value))
            for value in axis
            if largest or not value
        ],
        recorded=drawn(steps, scale.start, changes_today),
        foreseen=drawn(steps, changes_today, scale.end),
        before=drawn(was.steps, today, scale.end).line if was else "",
        marks=_placed_marks(timeline, scale),
        rows=_table_rows(was, timeline, scale),
    )


def _placed_marks(timeline: KindTimeline, scale: DayScale) -> list[PlacedMark]:
    return [
        PlacedMark(
            x=scale.percent(mark.on),
            y=LANES.get(mark.cause, ENDS_LANE) * LANE_HEIGHT,
            symbol=_symbol(mark.cause),
            text=f"{mark.on}: {mark_in_words(mark)}",
        )
        for mark in timeline.marks
    ]


def _symbol(cause: Cause) -> str:
    """Return the name of the symbol: the less usual ends share one."""
    known = {Cause.PURCHASE, Cause.COMMITMENT_END, Cause.CANCELLED, Cause.MODEL_RETIRED}
    return f"mark-{cause if cause in known else 'other-end'}"


def _table_rows(
    was: KindTimeline | None, timeline: KindTimeline, scale: DayScale
) -> list[TableRow]:
    days = {mark.on for mark in timeline.marks}
    days |= {step.starts_on for step in (*timeline.steps, *(was.steps if was else ()))}
    return [
        TableRow(
            day=scale.index(day),
            starts_on=day,
            units=_step_on(timeline, day).units,
            tpm=_step_on(timeline, day).tpm,
            before=_step_on(was, day).tpm if was else None,
            events=", ".join(mark_in_words(mark) for mark in timeline.marks if mark.on == day),
        )
        for day in sorted(days)
    ]


def _step_on(timeline: KindTimeline, day: date) -> Step:
    return next(step for step in reversed(timeline.steps) if step.starts_on <= day)
