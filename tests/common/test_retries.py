"""How long to wait before the next attempt of what failed."""

from datetime import timedelta

from common.retries import wait_before_retry


def test_each_wait_is_twice_as_long_as_the_one_before_up_to_six_hours() -> None:
    minutes = [wait_before_retry(failures) / timedelta(minutes=1) for failures in range(11)]
    assert minutes == [1, 2, 4, 8, 16, 32, 64, 128, 256, 360, 360]


def test_no_number_of_failures_is_too_many() -> None:
    assert wait_before_retry(10**9) == timedelta(hours=6)
