"""Windows at which a rule is met, against looking at each window by itself."""

from collections.abc import Callable, Iterable
from datetime import datetime

from hypothesis import given
from hypothesis import strategies as st

from capacity.usage.domain.alerts import is_above, nth_of_each_day, runs_reaching
from capacity.usage.domain.windows import WINDOW
from tests.cast import at

START = at("2026-01-10", "12:00")

windows_of_two_days = st.sets(st.integers(0, 191)).map(
    lambda numbers: {START + number * WINDOW for number in numbers}
)
lengths = st.integers(1, 6)


@given(windows=windows_of_two_days, length=lengths)
def test_a_run_is_reached_where_so_many_windows_and_no_more_end(
    windows: set[datetime], length: int
) -> None:
    def is_run(window: datetime) -> bool:
        return all(window - number * WINDOW in windows for number in range(length))

    expected = [
        window
        for window in sorted(windows)
        if is_run(window) and window - length * WINDOW not in windows
    ]
    assert list(runs_reaching(windows, length)) == expected


@given(windows=windows_of_two_days, number=lengths)
def test_the_nth_window_of_a_day_has_so_many_up_to_it(windows: set[datetime], number: int) -> None:
    expected = [
        window
        for window in sorted(windows)
        if sum(other <= window and other.date() == window.date() for other in windows) == number
    ]
    assert list(nth_of_each_day(windows, number)) == expected


@given(
    windows=windows_of_two_days,
    number=lengths,
    steps=st.lists(st.integers(1, 192), max_size=8),
    rule=st.sampled_from([runs_reaching, nth_of_each_day]),
)
def test_it_does_not_matter_in_how_many_steps_windows_are_looked_at(
    windows: set[datetime],
    number: int,
    steps: list[int],
    rule: Callable[[Iterable[datetime], int], Iterable[datetime]],
) -> None:
    """Each step sees the windows of the day, and so many before as a run is long."""
    ends = sorted({START + step * WINDOW for step in steps} | {START + 192 * WINDOW})
    found: list[datetime] = []
    seen = START
    for end in ends:
        midnight = seen.replace(hour=0, minute=0)
        since = min(seen - number * WINDOW, midnight)
        found += [
            window
            for window in rule({window for window in windows if since <= window < end}, number)
            if window >= seen
        ]
        seen = end
    assert found == list(rule(windows, number))


def test_a_rule_is_met_above_its_percentage_not_at_it() -> None:
    assert is_above(81, 100, 80)
    assert is_above(2, 1, 100)
    assert not is_above(80, 100, 80)
    assert not is_above(0, 0, 80)
    assert not is_above(5, 0, 80)
