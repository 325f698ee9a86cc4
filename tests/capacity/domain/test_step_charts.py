"""Scales, ticks and paths of step charts."""

from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capacity.domain.step_charts import (
    MOST_TICKS,
    DayScale,
    StepPaths,
    level,
    short_number,
    step_paths,
    ticks,
)

SCALE = DayScale(date(2026, 1, 10), date(2026, 3, 11))
"""Sixty days."""


def on(number: int) -> date:
    return SCALE.start + timedelta(days=number)


def test_days_are_percent_of_the_width() -> None:
    assert [SCALE.percent(on(number)) for number in (-5, 0, 1, 15, 60, 70)] == [
        0, 0, 1.667, 25, 100, 100
    ]  # fmt: skip
    assert SCALE.index(on(15)) == 15


def test_months_are_their_first_days_within_the_chart() -> None:
    assert list(SCALE.months()) == [date(2026, 2, 1), date(2026, 3, 1)]
    assert list(DayScale(date(2026, 2, 1), date(2026, 3, 1)).months()) == []


@pytest.mark.parametrize(
    ("largest", "expected"),
    [
        (0, [0, 1]),
        (1, [0, 1]),
        (4, [0, 1, 2, 3, 4]),
        (5, [0, 2, 4, 6]),
        (126_000, [0, 50_000, 100_000, 150_000]),
        (200_000, [0, 50_000, 100_000, 150_000, 200_000]),
        (200_001, [0, 100_000, 200_000, 300_000]),
    ],
)
def test_ticks_are_round_and_reach_the_largest_value(largest: int, expected: list[int]) -> None:
    assert ticks(largest) == expected


@given(st.integers(1, 10**20))
def test_the_top_tick_is_the_first_to_hold_the_largest_value(largest: int) -> None:
    values = ticks(largest)
    assert values[-2] < largest <= values[-1]
    assert len(values) <= MOST_TICKS + 1
    assert {after - before for before, after in pairwise(values)} == {values[1]}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (999, "999"),
        (1000, "1K"),
        (2500, "2.5K"),
        (1_200_000, "1.2M"),
        (5 * 10**9, "5B"),
        (10**14, "100T"),
    ],
)
def test_round_numbers_are_short(value: int, text: str) -> None:
    assert short_number(value) == text


def test_values_are_measured_from_the_top() -> None:
    assert [level(value, top=200, height=88) for value in (0, 50, 100, 200)] == [88, 66, 44, 0]


LEVELS = [(on(0), 0), (on(10), 100), (on(40), 50)]


def paths(start: int, end: int) -> StepPaths:
    return step_paths(LEVELS, SCALE, top=100, height=80, start=on(start), end=on(end))


def test_a_line_goes_across_to_each_step_and_then_up_or_down() -> None:
    assert paths(0, 60) == StepPaths(
        line="M0 80V80H10V0H40V40H60", area="M0 80V80H10V0H40V40H60V80H0Z"
    )


def test_two_parts_meet_where_one_ends() -> None:
    assert paths(0, 20).line == "M0 80V80H10V0H20"
    assert paths(20, 60).line == "M20 0V0H40V40H60"
    assert paths(0, 10).line == "M0 80V80H10"
    assert paths(40, 60).line == "M40 40V40H60"


def test_a_part_without_days_has_no_path() -> None:
    assert paths(60, 60) == StepPaths("", "")
