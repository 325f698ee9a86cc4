"""Windows: 15 minutes, aligned to the hour, in which an allowance is counted (R14)."""

from datetime import UTC, datetime, timedelta

MINUTE = timedelta(minutes=1)
WINDOW = timedelta(minutes=15)
MINUTES_OF_WINDOW = 15
WINDOWS_OF_DAY = 96

OPEN_AFTER_END = timedelta(hours=1)
"""A window closes this long after its end; until then late events recompute it."""

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def minute_of(instant: datetime) -> datetime:
    """Return the start of the minute that contains the instant."""
    return instant.replace(second=0, microsecond=0)


def window_of(instant: datetime) -> datetime:
    """Return the start of the window that contains the instant."""
    return EPOCH + (instant - EPOCH) // WINDOW * WINDOW


def closed_until(now: datetime) -> datetime:
    """Return the start of the first window that is still open at `now`."""
    return window_of(now - OPEN_AFTER_END)
