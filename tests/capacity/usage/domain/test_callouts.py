"""Units that nothing needed, and windows that ran out every day."""

from datetime import date, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from capacity.usage.domain.callouts import (
    DaySpan,
    HeldUnits,
    IdleUnits,
    idle_units,
    is_exhausted_daily,
    last_closed_days,
)
from tests.cast import at, day

JANUARY = day("2026-01-01")
SPAN = DaySpan(JANUARY, JANUARY + timedelta(days=7))


@st.composite
def lots(draw: st.DrawFn) -> list[HeldUnits]:
    return [
        HeldUnits(
            lot=f"lot_{number}",
            units=draw(st.integers(1, 20)),
            tpm=draw(st.sampled_from([100, 150, 500])),
            price=draw(st.integers(0, 40_000)),
            commitment_ends_on=JANUARY + timedelta(days=draw(st.integers(0, 5))),
        )
        for number in range(draw(st.integers(0, 4)))
    ]


def allowance(held: list[HeldUnits]) -> int:
    return sum(lot.units * lot.tpm * 15 * 10_000 for lot in held)


@given(held=lots(), largest=st.integers(0, 10**9))
def test_the_units_that_are_left_cover_the_largest_window_and_none_of_them_is_spare(
    held: list[HeldUnits], largest: int
) -> None:
    idle = {row.lot: row for row in idle_units(held, largest)}
    left = allowance(held) - sum(
        idle[lot.lot].units * lot.unit_allowance for lot in held if lot.lot in idle
    )
    assert left >= min(largest, allowance(held))
    for lot in held:
        taken = idle[lot.lot].units if lot.lot in idle else 0
        assert 0 <= taken <= lot.units
        if taken:
            assert idle[lot.lot].per_day == taken * lot.price
        if taken < lot.units:
            assert left - lot.unit_allowance < largest


@given(held=lots(), largest=st.integers(0, 10**9), more=st.integers(0, 10**9))
def test_more_traffic_leaves_no_more_units_idle_of_lots_with_the_same_tpm(
    held: list[HeldUnits], largest: int, more: int
) -> None:
    equal = [lot for lot in held if lot.tpm == 100]
    idle, fewer = (
        sum(row.units for row in idle_units(equal, tokens)) for tokens in (largest, largest + more)
    )
    assert fewer <= idle


def test_the_units_whose_commitment_ends_first_are_idle_first() -> None:
    later = HeldUnits("lot_a", 2, 100, 3_600, day("2026-02-09"))
    sooner = HeldUnits("lot_b", 2, 100, 3_700, day("2026-02-01"))
    used = 15 * 100 * 10_000
    assert idle_units([later, sooner], used) == [
        IdleUnits("lot_b", 2, 7_400),
        IdleUnits("lot_a", 1, 3_600),
    ]
    assert idle_units([later, sooner], used + 1) == [IdleUnits("lot_b", 2, 7_400)]
    assert idle_units([later, sooner], 4 * used) == []


@given(st.sets(st.integers(0, 10 * 96)))
def test_exhausted_daily_needs_a_window_on_each_day_of_the_span(numbers: set[int]) -> None:
    first = at("2025-12-31", "00:00")
    windows = [first + number * timedelta(minutes=15) for number in numbers]
    days: set[date] = {window.date() for window in windows}
    assert is_exhausted_daily(windows, SPAN) == all(day in days for day in SPAN.days)
    every_day = [*windows, *(datetime.combine(day, first.timetz()) for day in SPAN.days)]
    assert is_exhausted_daily(every_day, SPAN)


def test_a_day_counts_once_its_last_window_is_closed() -> None:
    assert last_closed_days(at("2026-01-08", "00:59")).end == day("2026-01-07")
    assert last_closed_days(at("2026-01-08", "01:00")) == SPAN
    assert len(SPAN.days) == 7
