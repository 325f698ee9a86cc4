"""What every test stands on; engines are started by `tests.settings`."""

from collections.abc import Iterator
from typing import Any

import pgtrigger
import pytest
from django.test import TransactionTestCase
from xdist.scheduler import LoadScopeScheduling

from tests import browser

WHOLE_PRODUCT = ("tests/journeys/", "tests/scaletier/test_up.py")


class _Scheduling(LoadScopeScheduling):
    """Any test to any worker process, but what starts the whole product to one and the same.

    Journeys share one installation that way, and no two installations are made at once.
    """

    def _split_scope(self, nodeid: str) -> str:
        return "whole product" if nodeid.startswith(WHOLE_PRODUCT) else nodeid


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling:
    return _Scheduling(config, log)


@pytest.fixture(scope="session", autouse=True)
def _emptied_between_tests() -> Iterator[None]:
    """Let Django empty append-only tables too, after tests that commit; nothing else may."""
    tear_down = TransactionTestCase._fixture_teardown  # type: ignore[attr-defined]

    def tear_down_unguarded(case: TransactionTestCase) -> None:
        with pgtrigger.ignore():
            tear_down(case)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TransactionTestCase, "_fixture_teardown", tear_down_unguarded)
        yield


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    """The machine's Chromium, kept from calling home."""
    executable = browser.find()
    if executable is None:
        pytest.fail(browser.HOW_TO_GET, pytrace=False)
    return {
        **browser_type_launch_args,
        "executable_path": executable,
        "args": [
            "--no-sandbox",
            "--disable-gpu",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--no-first-run",
        ],
    }
