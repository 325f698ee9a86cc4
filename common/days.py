"""Intervals of service days in words for people.

Stored intervals, and those of the API, are half-open: `[start, end)`. People read the last day that
is included. This module alone translates.
"""

from datetime import date, timedelta

DAY = timedelta(days=1)


def last_day(end: date) -> date:
    """Return the last day of a half-open interval that ends on `end`, 00:00 UTC."""
    return end - DAY
