"""The text format of instants in the API, in audit entries and on pages."""

from datetime import UTC, date, datetime, time


def rfc3339(instant: datetime) -> str:
    """Return an instant in UTC with `Z`, to the second: `2026-01-10T15:20:00Z`."""
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def midnight(day: date) -> datetime:
    """Return 00:00 UTC of a service day."""
    return datetime.combine(day, time.min, UTC)
