"""How an instant is written everywhere outside the database: contract, section 1."""

from datetime import UTC, datetime


def rfc3339(instant: datetime) -> str:
    """In UTC with `Z`, to the second: `2026-01-10T15:20:00Z`."""
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
