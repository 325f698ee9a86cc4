"""Invoice periods (R2)."""

from calendar import monthrange
from datetime import date, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from billing.domain.periods import Period, anchors_starting_on, period_containing

days = st.dates(min_value=date(2000, 1, 1), max_value=date(2100, 12, 31))
anchors = st.integers(min_value=1, max_value=31)


@given(day=days, anchor=anchors)
def test_a_day_is_in_the_period_that_contains_it(day: date, anchor: int) -> None:
    period = period_containing(day, anchor_day=anchor)
    assert period.start <= day < period.end


@given(day=days, anchor=anchors)
def test_periods_have_neither_gaps_nor_overlaps(day: date, anchor: int) -> None:
    period = period_containing(day, anchor_day=anchor)
    assert period_containing(period.end, anchor_day=anchor).start == period.end
    assert (
        period_containing(period.start - timedelta(days=1), anchor_day=anchor).end == period.start
    )


@given(day=days, anchor=anchors)
def test_a_period_starts_on_the_anchor_day_or_the_last_day_of_the_month(
    day: date, anchor: int
) -> None:
    start = period_containing(day, anchor_day=anchor).start
    assert start.day == min(anchor, monthrange(start.year, start.month)[1])


@pytest.mark.parametrize(
    ("day", "anchor", "start", "end"),
    [
        ("2026-01-10", 1, "2026-01-01", "2026-02-01"),
        ("2026-01-30", 31, "2025-12-31", "2026-01-31"),
        ("2026-02-27", 31, "2026-01-31", "2026-02-28"),
        ("2026-02-28", 31, "2026-02-28", "2026-03-31"),
        ("2028-02-28", 31, "2028-01-31", "2028-02-29"),
        ("2028-02-29", 30, "2028-02-29", "2028-03-30"),
        ("2025-12-31", 15, "2025-12-15", "2026-01-15"),
    ],
)
def test_short_months_and_leap_years(day: str, anchor: int, start: str, end: str) -> None:
    period = period_containing(date.fromisoformat(day), anchor_day=anchor)
    assert period == Period(date.fromisoformat(start), date.fromisoformat(end))


@given(day=days)
@example(day=date(2026, 2, 28))
@example(day=date(2028, 2, 28))
@example(day=date(2028, 2, 29))
@example(day=date(2026, 4, 30))
@example(day=date(2026, 12, 31))
def test_the_anchors_that_start_on_a_day_are_those_whose_period_starts_on_it(day: date) -> None:
    starting = {
        anchor for anchor in range(1, 32) if period_containing(day, anchor_day=anchor).start == day
    }
    assert set(anchors_starting_on(day)) == starting


def test_a_period_has_its_days_without_its_end() -> None:
    assert Period(date(2028, 2, 1), date(2028, 3, 1)).days == 29


@pytest.mark.parametrize("anchor", [0, 32, -1])
def test_refuses_an_anchor_day_that_no_month_has(anchor: int) -> None:
    with pytest.raises(ValueError, match=rf"^anchor day {anchor} is not between 1 and 31$"):
        period_containing(date(2026, 1, 1), anchor_day=anchor)
