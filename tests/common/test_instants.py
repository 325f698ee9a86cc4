"""The text format of instants, and midnights (R1)."""

import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from common.instants import midnight, rfc3339


@pytest.fixture
def machine_in_tokyo(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "Asia/Tokyo")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.usefixtures("machine_in_tokyo")
def test_an_instant_is_written_in_utc_to_the_second_wherever_the_machine_is() -> None:
    tokyo = timezone(timedelta(hours=9))
    assert rfc3339(datetime(2026, 1, 11, 0, 20, 5, 999999, tokyo)) == "2026-01-10T15:20:05Z"


def test_a_day_starts_at_midnight_in_utc() -> None:
    start = midnight(date(2026, 1, 10))
    assert start == datetime(2026, 1, 10, tzinfo=UTC)
    assert start.utcoffset() == timedelta(0)
