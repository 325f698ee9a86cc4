"""`make quick` leaves slow tests out, and a new slow one cannot slip into it."""

import pytest

from tests.selection import LONGEST_SECONDS, WALKS, QuickSelection, is_slow
from tests.site import ROOT


def report(seconds: float) -> pytest.TestReport:
    return pytest.TestReport(
        nodeid="tests/test_new.py::test_new",
        location=("tests/test_new.py", 1, "test_new"),
        keywords={},
        outcome="passed",
        longrepr=None,
        when="call",
        duration=seconds,
    )


def test_a_test_that_takes_too_long_fails_the_quick_run() -> None:
    for seconds, too_slow in ((LONGEST_SECONDS - 1, 0), (LONGEST_SECONDS + 1, 1)):
        selection = QuickSelection()
        selection.pytest_runtest_logreport(report(seconds))
        assert len(selection.too_slow) == too_slow


def test_whatever_starts_a_browser_or_the_whole_product_is_slow(
    request: pytest.FixtureRequest,
) -> None:
    starts = [
        item
        for item in request.session.items
        if {"page", "site"} & set(getattr(item, "fixturenames", ()))
    ]
    assert all(is_slow(item) for item in starts)
    assert not is_slow(request.node)


def test_every_walk_that_is_left_out_is_there() -> None:
    for walk in WALKS:
        assert (ROOT / walk).is_file(), walk
