"""Invoice periods (R2)."""

from calendar import monthrange
from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class Period:
    """One invoice period: the UTC dates `[start, end)`."""

    start: date
    end: date

    @property
    def days(self) -> int:
        return (self.end - self.start).days


def period_containing(day: date, *, anchor_day: int) -> Period:
    """Return the period that contains `day` (R2).

    In each month a period starts on the anchor day, or on the last day of a shorter month. Raises
    ValueError unless the anchor day is between 1 and 31.
    """
    if not 1 <= anchor_day <= 31:
        raise ValueError(f"anchor day {anchor_day} is not between 1 and 31")
    start = _start_in_month(day.year, day.month, anchor_day)
    if day < start:
        return Period(_start_in_month(*_month_before(day.year, day.month), anchor_day), start)
    return Period(start, _start_in_month(*_month_after(day.year, day.month), anchor_day))


def anchors_starting_on(day: date) -> range:
    """Return the anchor days whose period starts on `day` (R2).

    On the last day of a month these are all anchor days from that day to 31.
    """
    last = monthrange(day.year, day.month)[1]
    return range(day.day, 32 if day.day == last else day.day + 1)


def _start_in_month(year: int, month: int, anchor_day: int) -> date:
    return date(year, month, min(anchor_day, monthrange(year, month)[1]))


def _month_before(year: int, month: int) -> tuple[int, int]:
    return (year - 1, 12) if month == 1 else (year, month - 1)


def _month_after(year: int, month: int) -> tuple[int, int]:
    return (year + 1, 1) if month == 12 else (year, month + 1)
