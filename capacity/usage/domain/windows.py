"""Windows: 15 minutes, aligned to the hour, in which an allowance is counted (R14)."""

from datetime import UTC, datetime, timedelta

MINUTE = timedelta(minutes=1)
WINDOW = timedelta(minutes=15)
MINUTES_OF_WINDOW = 15
WINDOWS_OF_DAY = 96

OPEN_AFTER_END = timedelta(hours=1)
"""A window closes this long after its end; until then late events recompute it."""

ID = "%Y-%m-%dT%H:%MZ"

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


def window_id(start: datetime) -> str:
    """Return the start of a window as it stands in addresses: `2026-01-10T12:00Z`."""
    return start.astimezone(UTC).strftime(ID)


def window_start(text: str) -> datetime:
    """Return the start of a window from its id. Raises ValueError unless a window starts then."""
    start = datetime.strptime(text, ID).replace(tzinfo=UTC)
    if window_of(start) != start or window_id(start) != text:
        raise ValueError(f"{text} is not the start of a window")
    return start


def window_number(instant: datetime) -> int:
    """Return the number of windows between 1970 and the start of the window of the instant."""
    return (instant - EPOCH) // WINDOW


def start_of(number: int) -> datetime:
    """Return the start of a window by its number."""
    return EPOCH + number * WINDOW
