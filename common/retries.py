"""How long to wait before the next attempt of what failed."""

from datetime import timedelta

FIRST_WAIT, LONGEST_WAIT = timedelta(minutes=1), timedelta(hours=6)


def wait_before_retry(earlier_failures: int) -> timedelta:
    """Return how long to wait: after each failure twice as long as before, up to a limit."""
    doublings = min(earlier_failures, 16)
    return min(FIRST_WAIT * (1 << doublings), LONGEST_WAIT)
