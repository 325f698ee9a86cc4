"""`make run` runs the whole product in one terminal, and leaves no process behind."""

import os
import re
import signal
import socket
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import psycopg
import pytest
from django.core.management.base import CommandError
from pytest_django import DjangoDbBlocker

from scaletier.devserver.embedded import postgresql
from scaletier.web_address import WebAddress
from tests.databases import create_copy
from tests.site import Site, temporary_home

# Where `setproctitle` is installed, the web server gives itself another name.
PROCESSES = {
    "web": "manage.py serve|granian",
    "worker": "scaletier worker",
    "beat": "scaletier beat",
}
IMPORTS = """
from sys import modules
from django.conf import settings
from django.contrib.auth.models import Group
from django.core.cache import cache
""".strip()
KEEP = "Group.objects.create(name='kept'); cache.set('kept', settings.SECRET_KEY, None)"
LOADED = "print([name for name in ('stripe', 'requests', 'aiohttp') if name in modules])"
ENGINES = {"PostgreSQL": "bin/postgres -D", "Valkey": "valkey-server"}


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    """The home of all tests of this module, in which the product has run once."""
    with temporary_home() as home:
        site = Site(home)
        site.start("--no-demo")
        assert_all_run(site)
        assert shell(site, f"{KEEP}; {LOADED}") == "[]", "every process would start more slowly"
        assert_stops(site, signal.SIGINT)
        yield home


@pytest.fixture
def site(home: Path) -> Iterator[Site]:
    site = Site(home)
    yield site
    stop_if_running(site)


@pytest.fixture
def configured_database(django_db_blocker: DjangoDbBlocker) -> str:
    """The URL of a database on the tests' own server, which is not in the home."""
    with django_db_blocker.unblock():
        create_copy("configured")
    return urlsplit(os.environ["DATABASE_URL"])._replace(path="/configured").geturl()


@pytest.fixture(scope="module")
def taken_port(home: Path) -> Iterator[int]:
    """Another program has the port where the stand-in for Stripe listened in the last run."""
    port = int((home / "stripe_port").read_text())
    with socket.create_server(("127.0.0.1", port)):
        yield port


@pytest.fixture(scope="module")
def running(home: Path, taken_port: int) -> Iterator[Site]:
    """The product in a home that others could read, open to other machines.

    The last tests of this file share it; the very last ends it.
    """
    home.chmod(0o755)
    site = Site(home)
    secret = "a-signing-key-" + "x" * 50
    site.start("--no-demo", SCALETIER_BIND="0.0.0.0", SCALETIER_SECRET_KEY=secret)
    yield site
    stop_if_running(site)


def stop_if_running(site: Site) -> None:
    if site.process is not None and site.process.poll() is None:
        site.stop()


def assert_all_run(site: Site) -> None:
    command_lines = "\n".join(site.processes().values())
    for command in (*PROCESSES.values(), *ENGINES.values()):
        assert re.search(command, command_lines)


def assert_stops(site: Site, stop_signal: signal.Signals) -> None:
    """One signal stops everything, cleanly, and leaves no process."""
    assert site.stop(stop_signal) == 0
    assert site.processes() == {}
    assert "Traceback" not in site.output
    assert not (site.home / "engines.json").exists()


def only_line(site: Site) -> str:
    """Return the only line, apart from the steps, that a failed start has printed."""
    assert site.wait() == 1
    (line,) = (line for line in site.output.splitlines() if not line.startswith("==>"))
    return line


def shell(site: Site, code: str) -> str:
    """Run code in the product's shell. Returns its output."""
    return site.manage("shell", "-v0", "-c", f"{IMPORTS}\n{code}").strip()


def test_the_next_run_has_the_data_and_it_starts_again_after_it_was_killed(site: Site) -> None:
    site.start("--no-demo")
    kept = "Group.objects.get(name='kept').name, cache.get('kept') == settings.SECRET_KEY"
    assert shell(site, f"print({kept})") == "kept True"
    site.stop(signal.SIGKILL)
    assert site.processes() != {}
    site.start("--no-demo")
    with urllib.request.urlopen(f"{site.url}/healthz") as response:
        assert response.status == 200
    assert_stops(site, signal.SIGHUP)


def test_a_port_in_use_is_reported_in_one_line(site: Site) -> None:
    with socket.create_server(("127.0.0.1", site.port)):
        site.launch()
        line = only_line(site)
    assert f"Cannot listen on 127.0.0.1:{site.port} (address already in use)" in line
    assert "set SCALETIER_PORT" in line


def test_a_home_that_cannot_be_written_is_reported_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    site = Site(tmp_path / "file" / "home")
    site.launch()
    line = only_line(site)
    assert f"cannot use {site.home} as its home (SCALETIER_HOME): not a directory" in line


@pytest.mark.parametrize(
    ("name", "url"),
    [
        ("DATABASE_URL", "postgresql://nobody@127.0.0.1:1/nothing"),
        ("VALKEY_URL", "redis://127.0.0.1:1/0"),
    ],
)
def test_a_configured_engine_that_does_not_answer_is_reported_in_one_line(
    site: Site, name: str, url: str
) -> None:
    site.launch(**{name: url})
    assert only_line(site).startswith(f"CommandError: {name} does not answer:")


def test_a_folder_for_everybody_is_refused_as_a_home(tmp_path: Path) -> None:
    tmp_path.chmod(0o1777)
    site = Site(tmp_path)
    site.launch()
    assert "every user of the machine may write there." in only_line(site)
    assert tmp_path.stat().st_mode & 0o7777 == 0o1777


def test_a_named_port_of_the_stand_in_that_is_in_use_is_reported_in_one_line(site: Site) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        site.launch("--no-demo", SCALETIER_STRIPE_PORT=str(port))
        line = only_line(site)
    assert f"Cannot listen on 127.0.0.1:{port} (address already in use)" in line
    assert "set SCALETIER_STRIPE_PORT" in line


def test_an_invalid_port_is_reported_in_one_line(site: Site) -> None:
    site.launch(SCALETIER_PORT="http")
    assert only_line(site) == "CommandError: SCALETIER_PORT is not a port: 'http'."


@pytest.mark.parametrize("port", ["0", "65536", "-1", "80.0"])
def test_a_number_that_is_no_port_is_invalid(monkeypatch: pytest.MonkeyPatch, port: str) -> None:
    monkeypatch.setenv("SCALETIER_PORT", port)
    with pytest.raises(CommandError, match=f"^SCALETIER_PORT is not a port: '{port}'.$"):
        WebAddress.from_environment()


def test_one_engine_can_be_configured_while_the_other_is_embedded(site: Site) -> None:
    valkey_url = os.environ["VALKEY_URL"]  # The tests' own, which is not in this home.
    site.start("--no-demo", VALKEY_URL=valkey_url)
    command_lines = "\n".join(site.processes().values())
    assert ENGINES["PostgreSQL"] in command_lines
    assert ENGINES["Valkey"] not in command_lines
    assert shell(site, "print(settings.VALKEY_URL)") == valkey_url


def test_a_configured_database_gets_no_demo_data_and_no_demo_people(
    site: Site, configured_database: str
) -> None:
    site.start(DATABASE_URL=configured_database, VALKEY_URL=os.environ["VALKEY_URL"])
    site.stop()
    with psycopg.connect(configured_database) as connection:
        for table in ("accounts_user", "accounts_organization"):
            assert connection.execute(f"SELECT FROM {table}".encode()).rowcount == 0
    assert "No demo data: DATABASE_URL is set" in site.output
    assert "alice@northwind.example" not in site.output


def test_a_home_of_a_version_with_one_role_starts_and_the_product_owns_no_table(
    site: Site,
) -> None:
    with postgresql(site.home / "postgresql") as url:
        admin = url.replace("scaletier@", "postgres@")
        with psycopg.connect(admin, autocommit=True) as connection:
            connection.execute("DROP OWNED BY scaletier_runtime")
            connection.execute("DROP ROLE scaletier_runtime")
    site.start("--no-demo")
    is_owner = "from scaletier.database_roles import owns_tables, runtime_role"
    printed = "print(runtime_role(), owns_tables(), Group.objects.filter(name='kept').count())"
    assert shell(site, f"{is_owner}; {printed}") == "scaletier_runtime False 1"
    assert_stops(site, signal.SIGTERM)


def test_a_home_in_use_is_reported_in_one_line(running: Site) -> None:
    assert running.process is not None
    second = Site(running.home)
    second.launch()
    assert f"another `make run` is using it (process {running.process.pid})" in only_line(second)
    assert running.process.poll() is None


def test_other_users_of_the_machine_can_read_nothing_in_the_home(running: Site) -> None:
    assert running.home.stat().st_mode & 0o777 == 0o700
    files = [path for path in running.home.rglob("*") if path.exists()]
    assert {path.name for path in files} >= {"secret_key", "engines.json", "stripe.sqlite3"}
    assert [path for path in files if path.stat().st_mode & 0o077] == []


def test_only_the_product_itself_listens_to_other_machines(running: Site) -> None:
    listening = {
        (process_id, connection.laddr.ip, connection.laddr.port)
        for process_id in running.processes()
        for connection in psutil.Process(process_id).net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    }
    open_ports = {port for _, ip, port in listening if ip != "127.0.0.1"}
    assert open_ports == {running.port, running.gateway_port}
    assert len({port for _, _, port in listening}) == 5, "both, Valkey, and two stand-ins"
    assert "payment pages are open on this machine only" in running.output


def test_no_command_line_shows_a_secret(running: Site) -> None:
    command_lines = "\n".join(running.processes().values())
    variables = {
        name: value
        for process_id in running.processes()
        for name, value in psutil.Process(process_id).environ().items()
        if name.startswith(("STRIPE_", "SCALETIER_", "VALKEY_", "DATABASE_"))
        and any(word in name for word in ("SECRET", "KEY", "VALKEY_URL"))
    }
    assert set(variables) >= {
        "SCALETIER_SECRET_KEY",
        "STRIPE_SECRET_KEY",
        "STRIPE_WEBHOOK_SECRET",
        "STRIPE_STANDIN_CONTROL_KEY",
        "VALKEY_URL",
    }
    assert [name for name, secret in variables.items() if secret in command_lines] == []
    valkey_password = variables["VALKEY_URL"].split(":")[2].partition("@")[0]
    assert valkey_password not in command_lines
    assert "--webhook-secret" not in command_lines


def test_another_port_than_in_the_last_run_is_said(running: Site, taken_port: int) -> None:
    said = f"Port {taken_port}, where the Stripe stand-in listened before, is in use"
    assert said in running.output
    assert (running.home / "stripe_port").read_text() != str(taken_port)


def test_when_one_process_ends_by_itself_the_others_are_stopped(running: Site) -> None:
    process_ids = (
        process_id
        for process_id, command_line in running.processes().items()
        if re.search(PROCESSES["beat"], command_line)
    )
    os.kill(min(process_ids), signal.SIGKILL)
    assert running.wait() == 1
    assert "beat ended by itself (exit code -9); the others were stopped." in running.output
    assert running.processes() == {}
