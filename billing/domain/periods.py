"""Invoice periods (R2)."""

from calendar import monthrange
from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class Period:
    """One invoice period, `[start, end)`, UTC dates."""

    start: date
    end: date

    @property
    def days(self) -> int:
        return (self.end - self.start).days


def period_containing(day: date, *, anchor_day: int) -> Period:
    """The one period that `day` is in (R2).

    A period starts on day min(anchor, days in the month) of each month, so an anchor of 31 starts
    February's on the 28th or 29th. Raises ValueError unless the anchor is 1 to 31.
    """
    if not 1 <= anchor_day <= 31:
        raise ValueError(f"anchor day {anchor_day} is not between 1 and 31")
    here = _start_in_month(day.year, day.month, anchor_day)
    if day < here:
        return Period(_start_in_month(*_month_before(day.year, day.month), anchor_day), here)
    return Period(here, _start_in_month(*_month_after(day.year, day.month), anchor_day))


def anchors_starting_on(day: date) -> range:
    """The anchor days whose periods start on `day`: on a month's last day all later ones too."""
    last = monthrange(day.year, day.month)[1]
    return range(day.day, 32 if day.day == last else day.day + 1)


def _start_in_month(year: int, month: int, anchor_day: int) -> date:
    return date(year, month, min(anchor_day, monthrange(year, month)[1]))


def _month_before(year: int, month: int) -> tuple[int, int]:
    return (year - 1, 12) if month == 1 else (year, month - 1)


def _month_after(year: int, month: int) -> tuple[int, int]:
    return (year + 1, 1) if month == 12 else (year, month + 1)
