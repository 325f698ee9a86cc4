"""When usage alerts: at which windows a rule that an organization has chosen is met.

Each function looks at all windows that it is given, in any order, and its answer about a window
depends on earlier ones alone. So it does not matter in how many steps the windows are looked at.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import date, datetime

from capacity.usage.domain.windows import WINDOW


def is_above(used: int, allowance: int, percent: int) -> bool:
    """Return whether more than `percent` of an allowance was used; not without an allowance."""
    return used * 100 > allowance * percent and allowance > 0


def runs_reaching(windows: Iterable[datetime], length: int) -> Iterator[datetime]:
    """Yield the windows with which a run of windows in a row reaches the length, once a run."""
    run, before = 0, None
    for window in sorted(windows):
        run = run + 1 if before is not None and window - before == WINDOW else 1
        before = window
        if run == length:
            yield window


def nth_of_each_day(windows: Iterable[datetime], number: int) -> Iterator[datetime]:
    """Yield the window that is the `number`th one of its service day."""
    of_day: Counter[date] = Counter()
    for window in sorted(windows):
        of_day[window.date()] += 1
        if of_day[window.date()] == number:
            yield window
