"""docs/production.md, from a clean machine to the first sign-in, with runtime packages alone."""

import os
import re
import secrets
import signal
import subprocess
import time
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPResponse
from http.cookies import SimpleCookie
from urllib.parse import urlencode

import pytest
import yaml

from tests.scaletier.clean_machine import Machine, commands, empty_server, machine
from tests.site import ROOT, free_port, temporary_home

pytestmark = pytest.mark.slow

OPERATOR = "olga@example.com"
PASSWORD = secrets.token_urlsafe(12)
PUBLIC_URL = "https://capacity.example.com"
START_SECONDS = 60


class Visitor:
    """A browser behind the proxy that docs/production.md expects."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.cookies = SimpleCookie()

    def request(
        self, method: str, path: str, fields: dict[str, str] | None = None, *, proxied: bool = True
    ) -> tuple[HTTPResponse, str]:
        """Send a form, or none. Returns the response and its text."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=30)
        headers = {
            "Host": "capacity.example.com",
            "Origin": PUBLIC_URL,
            "Content-Type": "application/x-www-form-urlencoded",
            "Cookie": "; ".join(f"{name}={self.cookies[name].value}" for name in self.cookies),
        }
        if proxied:
            headers |= {"X-Forwarded-Proto": "https", "X-Forwarded-For": "203.0.113.7"}
        connection.request(method, path, urlencode(fields or {}), headers)
        response = connection.getresponse()
        text = response.read().decode()
        for cookie in response.headers.get_all("Set-Cookie") or []:
            self.cookies.load(cookie)
        connection.close()
        return response, text

    def open(self, path: str) -> tuple[str, str]:
        """Open a page, and those it leads to. Returns the path and the text of the last."""
        for _ in range(5):
            response, text = self.request("GET", path)
            if response.status == 200:
                return path, text
            assert response.status == 302, f"{path}: {response.status} {text}"
            path = response.headers["Location"]
        raise AssertionError(f"{path} leads nowhere")

    def submit(self, path: str, **fields: str) -> str:
        """Fill in the form of a page. Returns where it leads."""
        path, text = self.open(path)
        token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', text)
        assert token is not None, text
        response, text = self.request("POST", path, {"csrfmiddlewaretoken": token[1], **fields})
        assert response.status == 302, text
        return response.headers["Location"]


@pytest.fixture(scope="module")
def clean() -> Iterator[Machine]:
    with temporary_home() as folder, empty_server(folder / "postgresql") as administrator:
        host = administrator.partition("?")[2]
        passwords = {"OWNER_PASSWORD": "owner1", "RUNTIME_PASSWORD": "runtime1"}
        shell = {"ADMINISTRATOR_URL": administrator, "OPERATOR": OPERATOR, **passwords}
        with machine(folder, **shell) as clean:
            setup, roles, deploy = commands("From a clean machine")
            clean.run(setup)
            clean.set(
                SCALETIER_SECRET_KEY=secrets.token_urlsafe(48),
                SCALETIER_PUBLIC_URL=PUBLIC_URL,
                SCALETIER_PORT=str(free_port()),
                SCALETIER_GATEWAY_PORT=str(free_port()),
                DATABASE_URL=f"postgresql://scaletier_runtime:runtime1@:5432/scaletier?{host}",
                SCALETIER_MIGRATION_DATABASE_URL=(
                    f"postgresql://scaletier_owner:owner1@:5432/scaletier?{host}"
                ),
                VALKEY_URL=os.environ["VALKEY_URL"].rpartition("/")[0] + "/60",
            )
            clean.run(roles)
            clean.shell["PRINTED"] = clean.run(deploy)
            yield clean


@pytest.fixture(scope="module")
def port(clean: Machine) -> Iterator[int]:
    """All processes of the documentation run; the port of the web server."""
    text = (clean.folder / "production.env").read_text()
    port = int(re.findall(r'(?m)^SCALETIER_PORT="(\d+)"', text)[0])
    (block,) = commands("Processes")
    processes = [clean.start(command) for command in block.splitlines()]
    try:
        _wait_until_served(port, processes)
        yield port
        assert [process.poll() for process in processes] == [None] * len(processes)
    finally:
        for process in processes:
            os.killpg(process.pid, signal.SIGTERM)
        for process in processes:
            process.communicate(timeout=60)


def _wait_until_served(port: int, processes: "list[subprocess.Popen[str]]") -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        for process in processes:
            assert process.poll() is None, process.communicate()[0]
        try:
            response, _ = Visitor(port).request("GET", "/healthz", proxied=False)
        except OSError:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        else:
            assert response.status == 200
            return


def test_runtime_packages_are_alone(clean: Machine) -> None:
    clean.run(".venv/bin/python -c 'import django, granian, celery'")
    clean.run("! .venv/bin/python -c 'import pytest' 2>&1")
    clean.run("! .venv/bin/python -c 'import mypy' 2>&1")


def test_the_first_operator_sets_a_password_once_and_signs_in(clean: Machine, port: int) -> None:
    (link,) = re.findall(rf"{PUBLIC_URL}(/\S+)", clean.shell["PRINTED"])
    visitor = Visitor(port)
    visitor.submit(link, password1=PASSWORD, password2=PASSWORD)
    assert 'name="password1"' not in Visitor(port).open(link)[1]
    landed = visitor.submit("/accounts/login/", login=OPERATOR, password=PASSWORD)
    path, page = visitor.open(landed)
    assert not path.startswith("/accounts/login")
    assert "/accounts/logout/" in page
    session = visitor.cookies["__Host-sessionid"]
    assert (session["secure"], session["path"], session["domain"]) == (True, "/", "")


def test_plain_http_is_sent_to_https_at_the_public_address(port: int) -> None:
    response, _ = Visitor(port).request("GET", "/accounts/login/?next=/x", proxied=False)
    assert response.status == 301
    assert response.headers["Location"] == f"{PUBLIC_URL}/accounts/login/?next=/x"


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_probes_ask_by_plain_http(path: str, port: int) -> None:
    assert Visitor(port).request("GET", path, proxied=False)[0].status == 200


def test_style_sheets_are_served_with_their_digest_and_a_long_life(port: int) -> None:
    _, page = Visitor(port).open("/accounts/login/")
    (path,) = re.findall(r'href="(/static/app\.\w+\.css)"', page)
    response, _ = Visitor(port).request("GET", path)
    assert response.status == 200
    assert "immutable" in response.headers["Cache-Control"]
    assert (
        "max-age=31536000"
        in Visitor(port).request("GET", path)[0].headers["Strict-Transport-Security"]
    )


def test_deploy_can_run_again_beside_the_product(clean: Machine, port: int) -> None:
    printed = clean.run(commands("From a clean machine")[2])
    assert "==> Database (0 migrations)" in printed
    assert printed.count(OPERATOR) == 1


def test_production_keeps_nothing_but_static_files_in_its_folder(clean: Machine, port: int) -> None:
    tracked = {path.name for path in ROOT.iterdir()}
    added = {path.name for path in clean.folder.iterdir()} - tracked
    assert added <= {"production.env", ".staticfiles"}
    assert not (clean.folder / ".scaletier").exists()


def test_a_process_does_not_run_as_the_owner_of_the_tables(clean: Machine) -> None:
    command = (
        'DATABASE_URL="$SCALETIER_MIGRATION_DATABASE_URL" .venv/bin/python manage.py open_days'
    )
    process = clean.start(f"env {command}")
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "The role of DATABASE_URL could change the tables" in output
    assert len(output.splitlines()) == 1


def test_units_and_containers_run_the_commands_of_the_documentation() -> None:
    documented = commands("Processes")[0].splitlines()
    names = ("web", "gateway", "worker", "beat")
    units = [
        re.findall(r"(?m)^ExecStart=/opt/scaletier/(.*)$", (ROOT / unit).read_text())[0]
        for unit in (f"deploy/scaletier-{name}.service" for name in names)
    ]
    services = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]
    containers = [" ".join(services[name]["command"]) for name in names]
    assert units == documented
    assert containers == documented


def test_every_setting_is_in_the_documentation() -> None:
    page = (ROOT / "docs/production.md").read_text()
    example = re.findall(r"(?m)^([A-Z_]+)=", (ROOT / "deploy/production.env.example").read_text())
    sources = [*ROOT.glob("scaletier/*.py")]
    read = {
        name
        for source in sources
        for name in re.findall(
            r"(?:environ(?:ment)?\.get\(|environ\[|whole_number\(|rate\()\s*\"([A-Z_]+)\"",
            source.read_text(),
        )
    }
    only_make_run = {"SCALETIER_HOME", "DJANGO_SETTINGS_MODULE", "SPT_NOENV"}
    assert {"SCALETIER_SECRET_KEY", "SCALETIER_WEB_THREADS"} <= read
    missing = {
        name
        for name in {*read, *example} - only_make_run
        if name not in page and not re.search(rf"`_{name.rpartition('_')[2]}`", page)
    }
    assert missing == set()
