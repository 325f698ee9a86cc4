"""Fixtures of every test: the cast, the database and the browser.

`tests.settings` starts the engines. pytest-django sets Django up before it loads this file.
"""

import gc
import os
import secrets
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pgtrigger
import pytest
from django.test import Client, TransactionTestCase
from hypothesis import HealthCheck, settings
from pytest_django import DjangoDbBlocker
from xdist.scheduler import LoadScopeScheduling

from accounts.models import User
from tests import browser
from tests.api_client import ApiCast, make_api_cast
from tests.cast import Acme, load_catalogue, make_acme
from tests.databases import create_test_database
from tests.selection import QuickSelection

# Time says nothing of what is tested: a busy machine is slow.
settings.register_profile(
    "any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("any machine")

SEED_VARIABLE = "SIMULATION_SEED"
PRODUCTION = "tests/scaletier/test_production.py"
GATEWAY = "tests/capacity/gateway/test_processes.py"
WHOLE_PRODUCT = ("tests/journeys/", "tests/devserver/test_up.py", "tests/devserver/test_faults.py")


class _Scheduling(LoadScopeScheduling):
    """Any worker process gets any test, but one worker gets all that start the whole product.

    So the journeys share one installation, and no two installations are made at once. The tests of
    production share a clean machine, and those of the gateway's processes one PostgreSQL.
    """

    def _split_scope(self, nodeid: str) -> str:
        for shared in (PRODUCTION, GATEWAY):
            if nodeid.startswith(shared):
                return shared
        return "whole product" if nodeid.startswith(WHOLE_PRODUCT) else nodeid


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling:
    return _Scheduling(config, log)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--quick", action="store_true", help="leave slow tests out")
    parser.addoption("--seed", type=int, help="repeat the simulations of the run with this seed")


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("--quick"):
        config.pluginmanager.register(QuickSelection())
    # Worker processes inherit the variable, so all of them simulate the same.
    seed = config.getoption("--seed")
    if seed is not None:
        os.environ[SEED_VARIABLE] = str(seed)
    os.environ.setdefault(SEED_VARIABLE, str(secrets.randbelow(10**8)))


def pytest_itemcollected(item: pytest.Item) -> None:
    """Name each operation of the API in the id of its test: Schemathesis names it in the name only.

    Of tests with the same id xdist would run one alone.
    """
    _, bracket, operation = item.name.partition("[")
    if bracket and item.id.params is None:
        item._id = replace(item.id, params=operation.removesuffix("]"))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    ids = [item.nodeid for item in items]
    assert len(ids) == len(set(ids)), "tests share an id, of which xdist would run one alone"


def pytest_collection_finish() -> None:
    """Leave what is loaded by now to no garbage collection: it takes longer than many a test."""
    gc.freeze()


def pytest_report_header() -> str:
    seed = os.environ[SEED_VARIABLE]
    return f"seed of the simulations: {seed} (repeat them with --seed {seed})"


@pytest.fixture(scope="session")
def django_db_setup(
    django_test_environment: None,
    django_db_modify_db_settings: None,
    django_db_blocker: DjangoDbBlocker,
) -> None:
    """Each worker process has a database of its own, which ends with the engines."""
    with django_db_blocker.unblock():
        create_test_database()


@pytest.fixture
def catalogue(db: None) -> None:
    """The catalogue that ships with the product is loaded."""
    load_catalogue()


@pytest.fixture
def acme(catalogue: None) -> Acme:
    """Acme on list prices since 2026-01-01; its invoice periods are calendar months.

    A file whose Acme has other terms overrides this fixture by one that calls `make_acme`.
    """
    return make_acme()


@pytest.fixture
def olga(db: None) -> Client:
    """The browser of Olga, an operator."""
    client = Client()
    client.force_login(User.objects.create_superuser("olga@example.com", name="Olga"))
    return client


@pytest.fixture
def api(catalogue: None) -> ApiCast:
    """The people who call the API, at noon of 2026-01-10."""
    return make_api_cast()


@pytest.fixture
def same_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    """All requests arrive in one minute, so the use of a session is recorded only once.

    Tests that count queries need it: recording takes queries too.
    """
    monkeypatch.setattr("accounts.middleware.time", lambda: 0.0)


@pytest.fixture(scope="session", autouse=True)
def _empty_append_only_tables() -> Iterator[None]:
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
    """The machine's Chromium, without its requests to its maker."""
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
