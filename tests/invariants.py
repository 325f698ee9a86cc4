"""The invariants of the whole database: many tests end with them."""

from datetime import datetime

from capacity.usage.queries.invariants import violations


def assert_invariants_hold(*, now: datetime) -> None:
    assert list(violations(now=now)) == []
