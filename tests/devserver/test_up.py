"""`make run` runs the whole product in one terminal, and leaves no process behind."""

import os
import re
import signal
import socket
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest

from scaletier.devserver.embedded import postgresql
from tests.site import Site, temporary_home

# Where `setproctitle` is installed, the web server gives itself another name.
PROCESSES = {
    "web": "manage.py serve|granian",
    "worker": "scaletier worker",
    "beat": "scaletier beat",
}
ENGINES = {"PostgreSQL": "bin/postgres -D", "Valkey": "valkey-server"}


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    """One home for all tests of this module, so that only the first start creates the database."""
    with temporary_home() as home:
        yield home


@pytest.fixture
def site(home: Path) -> Iterator[Site]:
    site = Site(home)
    yield site
    if site.process is not None and site.process.poll() is None:
        site.stop()


def only_line(site: Site) -> str:
    """Return the only line, apart from the steps, that a failed start has printed."""
    assert site.wait() == 1
    (line,) = (line for line in site.output.splitlines() if not line.startswith("==>"))
    return line


def shell(site: Site, code: str) -> str:
    """Run code in the product's shell. Returns its output."""
    imports = "from django.contrib.auth.models import Group; from django.core.cache import cache"
    return site.manage("shell", "-v0", "-c", f"{imports}; {code}").strip()


@pytest.mark.parametrize("stop_signal", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_one_signal_stops_everything_and_leaves_no_process(
    site: Site, stop_signal: signal.Signals
) -> None:
    site.start("--no-demo")
    command_lines = "\n".join(site.processes().values())
    for command in (*PROCESSES.values(), *ENGINES.values()):
        assert re.search(command, command_lines)
    assert site.stop(stop_signal) == 0
    assert site.processes() == {}
    assert "Traceback" not in site.output
    assert not (site.home / "engines.json").exists()


def test_a_management_command_uses_the_same_data_and_the_next_run_still_has_it(site: Site) -> None:
    site.start("--no-demo")
    shell(site, "Group.objects.create(name='kept'); cache.set('kept', 'too', None)")
    key = (site.home / "secret_key").read_text()
    site.stop()
    site.start("--no-demo")
    assert (
        shell(site, "print(Group.objects.get(name='kept').name, cache.get('kept'))") == "kept too"
    )
    assert (site.home / "secret_key").read_text() == key


def test_the_product_starts_again_after_it_was_killed(site: Site) -> None:
    site.start("--no-demo")
    site.stop(signal.SIGKILL)
    assert site.processes() != {}
    site.start("--no-demo")
    with urllib.request.urlopen(f"{site.url}/healthz") as response:
        assert response.status == 200
    assert site.stop() == 0
    assert site.processes() == {}


def test_when_one_process_ends_by_itself_the_others_are_stopped(site: Site) -> None:
    site.start("--no-demo")
    process_ids = (
        process_id
        for process_id, command_line in site.processes().items()
        if re.search(PROCESSES["beat"], command_line)
    )
    os.kill(min(process_ids), signal.SIGKILL)
    assert site.wait() == 1
    assert "beat ended by itself (exit code -9); the others were stopped." in site.output
    assert site.processes() == {}


def test_a_port_in_use_is_reported_in_one_line(site: Site) -> None:
    with socket.create_server(("127.0.0.1", site.port)):
        site.launch()
        line = only_line(site)
    assert f"Cannot listen on 127.0.0.1:{site.port} (address already in use)" in line
    assert "set SCALETIER_PORT" in line


@pytest.mark.parametrize("port", ["http", "0", "65536"])
def test_an_invalid_port_is_reported_in_one_line(site: Site, port: str) -> None:
    site.launch(SCALETIER_PORT=port)
    assert only_line(site) == f"CommandError: SCALETIER_PORT is not a port: '{port}'."


def test_a_home_in_use_is_reported_in_one_line(site: Site) -> None:
    site.start("--no-demo")
    assert site.process is not None
    second = Site(site.home)
    second.launch()
    assert f"another `make run` is using it (process {site.process.pid})" in only_line(second)
    assert site.process.poll() is None


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


def test_one_engine_can_be_configured_while_the_other_is_embedded(site: Site) -> None:
    # The tests' own Valkey, which is not in this home.
    valkey_url = os.environ["VALKEY_URL"]
    site.start("--no-demo", VALKEY_URL=valkey_url)
    command_lines = "\n".join(site.processes().values())
    assert ENGINES["PostgreSQL"] in command_lines
    assert ENGINES["Valkey"] not in command_lines
    assert shell(site, "from django.conf import settings as s; print(s.VALKEY_URL)") == valkey_url


def test_a_configured_database_gets_no_demo_data_and_no_demo_people(site: Site) -> None:
    with temporary_home() as outside, postgresql(outside / "postgresql", durable=False) as url:
        site.start(DATABASE_URL=url, VALKEY_URL=os.environ["VALKEY_URL"])
        site.stop()
        with psycopg.connect(url) as connection:
            for table in ("accounts_user", "accounts_organization"):
                assert connection.execute(f"SELECT FROM {table}".encode()).rowcount == 0
    assert "No demo data: DATABASE_URL is set" in site.output
    assert "alice@northwind.example" not in site.output


def test_other_users_of_the_machine_can_read_nothing_in_the_home(site: Site) -> None:
    site.start("--no-demo")
    site.stop()
    site.home.chmod(0o755)
    site.start("--no-demo")
    assert site.home.stat().st_mode & 0o777 == 0o700
    files = [path for path in site.home.rglob("*") if path.exists()]
    assert {path.name for path in files} >= {"secret_key", "engines.json", "stripe.sqlite3"}
    assert [path for path in files if path.stat().st_mode & 0o077] == []


def test_a_folder_for_everybody_is_refused_as_a_home(tmp_path: Path) -> None:
    tmp_path.chmod(0o1777)
    site = Site(tmp_path)
    site.launch()
    assert "every user of the machine may write there." in only_line(site)
    assert tmp_path.stat().st_mode & 0o7777 == 0o1777


def test_only_the_product_itself_listens_to_other_machines(site: Site) -> None:
    site.start("--no-demo", SCALETIER_BIND="0.0.0.0")
    listening = {
        (process_id, connection.laddr.ip, connection.laddr.port)
        for process_id in site.processes()
        for connection in psutil.Process(process_id).net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    }
    open_ports = {port for _, ip, port in listening if ip != "127.0.0.1"}
    assert open_ports == {site.port, site.gateway_port}
    assert len({port for _, _, port in listening}) == 5, "both, Valkey, and two stand-ins"
    assert "payment pages are open on this machine only" in site.output


def test_no_command_line_shows_a_secret(site: Site) -> None:
    site.start("--no-demo", SCALETIER_SECRET_KEY="a-signing-key-" + "x" * 50)
    command_lines = "\n".join(site.processes().values())
    variables = {
        name: value
        for process_id in site.processes()
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


def test_a_named_port_of_the_stand_in_that_is_in_use_is_reported_in_one_line(site: Site) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        site.launch("--no-demo", SCALETIER_STRIPE_PORT=str(port))
        line = only_line(site)
    assert f"Cannot listen on 127.0.0.1:{port} (address already in use)" in line
    assert "set SCALETIER_STRIPE_PORT" in line


def test_another_port_than_in_the_last_run_is_said(site: Site) -> None:
    site.start("--no-demo")
    site.stop()
    last_port = (site.home / "stripe_port").read_text()
    with socket.create_server(("127.0.0.1", int(last_port))):
        site.start("--no-demo")
    assert f"Port {last_port}, where the Stripe stand-in listened before, is in use" in site.output
    assert (site.home / "stripe_port").read_text() != last_port


def test_a_home_of_a_version_with_one_role_starts_and_the_product_owns_no_table(
    site: Site,
) -> None:
    site.start("--no-demo")
    shell(site, "Group.objects.create(name='older')")
    site.stop()
    with postgresql(site.home / "postgresql") as url:
        admin = url.replace("scaletier@", "postgres@")
        with psycopg.connect(admin, autocommit=True) as connection:
            connection.execute("DROP OWNED BY scaletier_runtime")
            connection.execute("DROP ROLE scaletier_runtime")
    site.start("--no-demo")
    is_owner = "from scaletier.database_roles import owns_tables, runtime_role"
    printed = "print(runtime_role(), owns_tables(), Group.objects.filter(name='older').count())"
    assert shell(site, f"{is_owner}; {printed}") == "scaletier_runtime False 1"
