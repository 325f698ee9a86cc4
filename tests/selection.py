"""`pytest --quick`: what `make quick` leaves out, and how long one of the other tests may take."""

import pytest

SLOW_FOLDERS = (
    "tests/concurrency/",
    "tests/crash/",
    "tests/devserver/",
    "tests/journeys/",
    "tests/scaletier/",
    "tests/simulation/",
)
"""Races, crashes, simulations, and the product as a whole: its processes, pages and routes."""

WALKS = (
    "tests/accounts/test_access.py",
    "tests/accounts/test_audit_log.py",
    "tests/accounts/test_permissions_api.py",
    "tests/accounts/test_sign_in_limits.py",
    "tests/capacity/test_rules_in_sql_and_python.py",
    "tests/capacity/test_timeline.py",
    "tests/common/test_lists.py",
    "tests/common/test_pagination_api.py",
)
"""They walk through every route, list, page, role or circumstance."""

SLOW_FIXTURES = {"browser", "page", "site"}
"""What has one of these starts a browser or the whole product."""

LONGEST_SECONDS = 20.0
"""On a busy machine; on a quiet one such a test takes a second or two."""


def is_slow(item: pytest.Item) -> bool:
    """Return whether `make quick` leaves this test out: by place, by fixture or by the marker."""
    fixtures = set(getattr(item, "fixturenames", ()))
    return (
        item.nodeid.startswith((*SLOW_FOLDERS, *WALKS))
        or bool(fixtures & SLOW_FIXTURES)
        or item.get_closest_marker("slow") is not None
    )


class QuickSelection:
    """The plugin of `--quick`. The run fails if one of its tests is not quick."""

    def __init__(self) -> None:
        self.too_slow: list[str] = []

    def pytest_collection_modifyitems(
        self, config: pytest.Config, items: list[pytest.Item]
    ) -> None:
        slow = [item for item in items if is_slow(item)]
        config.hook.pytest_deselected(items=slow)
        items[:] = [item for item in items if not is_slow(item)]

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call" and report.duration > LONGEST_SECONDS:
            self.too_slow.append(f"{report.nodeid} ({report.duration:.0f} s)")

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if self.too_slow and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        for test in self.too_slow:
            terminalreporter.write_line(
                f"{test}: longer than {LONGEST_SECONDS:.0f} s. Make it quicker, or mark it `slow`.",
                red=True,
            )
