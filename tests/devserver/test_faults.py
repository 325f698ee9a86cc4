"""What the running product does when its engines are killed and its clients are slow."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from http.cookiejar import CookieJar
from typing import Any
from urllib.parse import urlencode

import psutil
import psycopg
import pytest

from capacity.operations.catalogue import SHIPPED_CATALOGUE
from tests.site import ROOT, Site, free_port, temporary_home

REQUEST_SECONDS = 6
PATIENCE = 60


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    """The running product, which the last tests of this file end."""
    with temporary_home() as home:
        site = Site(home)
        site.start("--no-demo", SCALETIER_REQUEST_SECONDS=str(REQUEST_SECONDS))
        site.manage("catalog", "import", str(SHIPPED_CATALOGUE))
        yield site
        if site.process is not None and site.process.poll() is None:
            site.stop()


@pytest.fixture(scope="module")
def alice(site: Site) -> dict[str, str]:
    """Alice's email, password and API key."""
    text = site.manage("sandbox", "--at", "2026-01-10T15:20:00Z", "--json")
    owner: dict[str, str] = json.loads(text)["users"][0]
    return owner


def wait_until(condition: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.1)


def wait_until_said(site: Site, line: str) -> None:
    wait_until(lambda: line in site.output, f"not said: {line}\n{site.output}")


def again(times: int) -> str:
    return f"it was started again ({times} of at most 3 times)."


def status_of(url: str, headers: dict[str, str] | None = None, body: bytes | None = None) -> int:
    """Return the status of the response; 0 if there is none."""
    try:
        request = urllib.request.Request(url, body, headers or {})
        with urllib.request.urlopen(request, timeout=20) as response:
            return int(response.status)
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return 0


def document_of(url: str) -> tuple[int, Any]:
    """Return the status and the JSON of the response."""
    try:
        with urllib.request.urlopen(url, timeout=20) as response:
            return response.status, json.load(response)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def sign_in(url: str, person: dict[str, str]) -> str:
    """Sign in as a browser does. Returns the address of the page that follows."""
    browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(jar := CookieJar()))
    browser.open(f"{url}/accounts/login/", timeout=20).close()
    token = next(cookie.value for cookie in jar if cookie.name == "csrftoken")
    form = {"login": person["email"], "password": person["password"], "csrfmiddlewaretoken": token}
    with browser.open(f"{url}/accounts/login/", urlencode(form).encode(), timeout=20) as response:
        return str(response.url)


def kill_engine(site: Site, program: str) -> None:
    """Kill the server itself, not the processes that it has started."""
    (process_id,) = (
        process_id
        for process_id, command_line in site.processes().items()
        if program in command_line
    )
    os.kill(process_id, signal.SIGKILL)


@contextmanager
def web_server(site: Site, **environment: str) -> Iterator[tuple[str, "subprocess.Popen[bytes]"]]:
    """Run another web server of this installation, as in production. Yields its URL, and it."""
    port = free_port()
    engines = json.loads((site.home / "engines.json").read_text())
    process = subprocess.Popen(
        [sys.executable, "manage.py", "serve", "--workers", "1"],
        cwd=ROOT,
        env={
            **os.environ,
            "SCALETIER_HOME": str(site.home),
            "DATABASE_URL": engines["database_url"],
            "VALKEY_URL": engines["valkey_url"],
            "DJANGO_SETTINGS_MODULE": "scaletier.settings",
            **environment,
            "SCALETIER_PORT": str(port),
        },
        stdin=subprocess.DEVNULL,
    )
    try:
        url = f"http://127.0.0.1:{port}"
        wait_until(lambda: status_of(f"{url}/healthz") == 200, "the web server does not start")
        yield url, process
    finally:
        process.terminate()
        process.wait(30)


def slow_connection(port: int, start: str) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", port))
    connection.sendall(start.replace("\n", "\r\n").encode())
    connection.setblocking(False)
    return connection


def send_byte(connection: socket.socket) -> bytes | None:
    """Send one byte more. Returns what the server has said, or None if it has said nothing."""
    try:
        connection.send(b"1")
        return connection.recv(4096)
    except BlockingIOError:
        return None
    except OSError:
        return b""


def test_two_hundred_slow_connections_hold_up_nobody_and_are_ended(
    site: Site, alice: dict[str, str]
) -> None:
    key = f"Authorization: Bearer {alice['api_key']}\n"
    json_type = "Content-Type: application/json\n"
    starts = [
        "POST /webhooks/stripe HTTP/1.1\nHost: localhost\nContent-Length: 5000\n\n",
        f"POST /api/v1/quotes HTTP/1.1\nHost: localhost\n{key}{json_type}Content-Length: 5000\n\n",
        "GET /accounts/login/ HTTP/1.1\nHost: localhost\nX-Slow: 1",
    ]
    quote = json.dumps({"model": "grok-4-1-fast-reasoning", "units": {"input": 1}}).encode()
    headers = {
        "Authorization": f"Bearer {alice['api_key']}",
        "Content-Type": "application/json",
    }
    with ExitStack() as until_end:
        answers: dict[socket.socket, bytes | None] = {
            until_end.enter_context(slow_connection(site.port, starts[number % 3])): None
            for number in range(201)
        }
        opened_at = time.monotonic()
        while time.monotonic() < opened_at + REQUEST_SECONDS - 2:
            assert status_of(f"{site.url}/accounts/login/") == 200
            assert status_of(f"{site.url}/api/v1/quotes", headers, quote) == 200
            for connection in answers:  # Others were answered while all of them are still open.
                assert send_byte(connection) is None

        def all_are_ended() -> bool:
            for connection, answer in answers.items():
                answers[connection] = send_byte(connection) if answer is None else answer
            return None not in answers.values()

        wait_until(all_are_ended, "slow connections are still open")
        assert time.monotonic() - opened_at < REQUEST_SECONDS + 10
    told = [answer for answer in answers.values() if answer]
    assert len(told) >= 134  # Those whose headers were complete are told why.
    assert all(b" 408 " in answer for answer in told)


def test_what_the_server_refuses_is_a_problem_document_under_api(
    site: Site, alice: dict[str, str]
) -> None:
    long_query = f"?q={'a' * 9000}"
    long_header = {"X-Long": "a" * 40_000}
    too_large = b"1" * 10_000_001
    assert status_of(f"{site.url}/accounts/login/{long_query}") == 414
    assert status_of(f"{site.url}/webhooks/stripe", body=b"1" * (1024 * 1024 + 1)) == 413
    chunks = (b"1" * 100_000 for _ in range(11))  # Of a length that is not declared.
    chunked = urllib.request.Request(f"{site.url}/webhooks/stripe", chunks)
    with pytest.raises(urllib.error.HTTPError, match="413"):
        urllib.request.urlopen(chunked, timeout=20)
    requests = [
        (414, urllib.request.Request(f"{site.url}/api/v1/lots{long_query}")),
        (431, urllib.request.Request(f"{site.url}/api/v1/lots", headers=long_header)),
        (413, urllib.request.Request(f"{site.url}/api/v1/usage/events", too_large)),
        (400, urllib.request.Request(f"{site.url}/api/v1/lots", headers={"Host": "evil.example"})),
        (404, urllib.request.Request(f"{site.url}/api/nothing")),
    ]
    for status, request in requests:
        with pytest.raises(urllib.error.HTTPError) as error:
            urllib.request.urlopen(request, timeout=20)
        assert error.value.code == status
        assert error.value.headers["Content-Type"] == "application/problem+json"
        assert json.load(error.value)["status"] == status


def test_pages_and_sign_in_work_without_valkey(site: Site, alice: dict[str, str]) -> None:
    with web_server(site, VALKEY_URL="redis://127.0.0.1:1/0") as (url, _):
        assert "/organizations/" in sign_in(url, alice)
        status, document = document_of(f"{url}/readyz")
    assert (status, document["ready"], document["missing"]) == (200, True, [])
    assert "Valkey does not answer" in document["degraded"][0]


def test_a_worker_of_the_web_server_does_not_outlive_it(site: Site) -> None:
    with web_server(site) as (_, server):
        workers = psutil.Process(server.pid).children(recursive=True)
        assert workers
        server.kill()
        wait_until(lambda: not any(map(psutil.Process.is_running, workers)), "a worker lives on")


@contextmanager
def task_under_way(site: Site) -> Iterator[None]:
    """Keep the worker in the middle of a task: it waits for a table that is locked meanwhile."""
    engines = json.loads((site.home / "engines.json").read_text())
    send = "from capacity.tasks import open_due_days; open_due_days.delay()"
    with psycopg.connect(engines["migration_database_url"]) as database:
        database.execute("LOCK TABLE accounts_organization IN ACCESS EXCLUSIVE MODE")
        site.manage("shell", "-v0", "-c", send)
        waiting = "SELECT FROM pg_locks WHERE NOT granted"
        wait_until(lambda: database.execute(waiting).rowcount, "no task waits")
        yield


def test_a_killed_valkey_is_started_again_and_the_worker_finds_it(
    site: Site, alice: dict[str, str]
) -> None:
    with task_under_way(site):
        kill_engine(site, "valkey-server")
        wait_until_said(site, f"Valkey ended by itself (exit code -9); {again(1)}")
    assert "/organizations/" in sign_in(site.url, alice)
    ping = "from scaletier.celery import app; print(app.control.ping(timeout=2))"
    wait_until(lambda: "pong" in site.manage("shell", "-v0", "-c", ping), site.output)
    assert document_of(f"{site.url}/readyz") == (
        200,
        {"ready": True, "missing": [], "degraded": []},
    )


def test_a_process_without_its_database_is_alive_but_not_ready(site: Site) -> None:
    assert site.process is not None
    site.process.send_signal(signal.SIGSTOP)  # So that the database stays away.
    try:
        kill_engine(site, "bin/postgres")
        assert status_of(f"{site.url}/healthz") == 200
        assert document_of(f"{site.url}/readyz") == (
            503,
            {"ready": False, "missing": ["The database does not answer."], "degraded": []},
        )
    finally:
        site.process.send_signal(signal.SIGCONT)
    wait_until(lambda: document_of(f"{site.url}/readyz")[0] == 200, site.output)


def test_a_killed_database_is_started_again_until_it_ends_too_often(site: Site) -> None:
    ended = "PostgreSQL ended by itself (exit code -9)"
    wait_until_said(site, f"{ended}; {again(1)}")  # After the test before.
    for restart in range(2, 4):
        kill_engine(site, "bin/postgres")
        wait_until_said(site, f"{ended}; {again(restart)}")
        wait_until(lambda: document_of(f"{site.url}/readyz")[0] == 200, site.output)
    kill_engine(site, "bin/postgres")
    assert site.wait() == 1
    assert f"CommandError: {ended} after 3 restarts; everything was stopped." in site.output
    assert site.processes() == {}


def test_nothing_outlives_a_killed_foreground_process(site: Site) -> None:
    site.start("--no-demo")
    assert site.process is not None
    assert len(site.processes()) > 6
    site.process.kill()
    site.wait()
    wait_until(lambda: site.processes() == {}, f"still there: {site.processes()}")
