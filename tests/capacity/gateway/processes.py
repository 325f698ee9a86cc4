"""A gateway of several processes, as it is started in production, with a PostgreSQL of its own."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from http.client import HTTPConnection, HTTPException, HTTPResponse
from pathlib import Path
from tempfile import NamedTemporaryFile
from time import monotonic, sleep
from typing import IO, Any

import dj_database_url
import psutil
from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connection, connections
from prometheus_client.parser import text_string_to_metric_families

from scaletier.devserver import embedded
from scaletier.devserver.embedded.postgresql import _binary_folder
from scaletier.devserver.embedded.processes import stop_with_parent
from scaletier.devserver.upstream.server import DemoUpstream
from tests.cast import GROK
from tests.site import ROOT, free_port

PATIENCE = 20.0
STOP_SECONDS = 2
COMPLETIONS = "/v1/chat/completions"
OWN = "own"


def wait(condition: Callable[[], object]) -> None:
    """Wait until a condition holds."""
    deadline = monotonic() + PATIENCE
    while not condition():
        assert monotonic() < deadline, "it did not come to be"
        sleep(0.01)


class Database:
    """A PostgreSQL server that a test stops and starts again, with the tables of the product."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._running: ExitStack | None = None
        self.url = ""

    def start(self) -> None:
        """Start it, with what it has kept."""
        if self._running is None:
            self._running = ExitStack()
            self.url = self._running.enter_context(embedded.postgresql(self._folder, durable=False))

    def stop(self) -> None:
        """Stop it: whoever is connected is cut off."""
        connection.close()
        if self._running:
            self._running.close()
            self._running = None

    def copy_tables(self) -> None:
        """Fill it with what the tests' database has."""
        of_tests, programs = connection.get_connection_params(), _binary_folder()
        dump = subprocess.run(
            [
                *(str(programs / "pg_dump"), "--no-owner", "--no-privileges"),
                *("-h", of_tests["host"], "-p", str(of_tests["port"])),
                *("-U", of_tests["user"], of_tests["dbname"]),
            ],
            check=True,
            capture_output=True,
        )
        subprocess.run(
            [str(programs / "psql"), "--quiet", "-v", "ON_ERROR_STOP=1", self.url],
            check=True,
            input=dump.stdout,
            stdout=subprocess.DEVNULL,
        )

    @contextmanager
    def used_by_django(self) -> Iterator[None]:
        """Let the tests' own process work on it for the block."""
        before: Any = connections[DEFAULT_DB_ALIAS]
        connections.databases[OWN] = {**before.settings_dict, **dj_database_url.parse(self.url)}
        ours: Any = connections.create_connection(OWN)
        ours.alias = DEFAULT_DB_ALIAS
        connections[DEFAULT_DB_ALIAS] = ours
        try:
            yield
        finally:
            connections[DEFAULT_DB_ALIAS] = before
            ours.close()
            del connections.databases[OWN]


@dataclass(slots=True)
class Gateway:
    """`manage.py gateway`, which can be started several times."""

    home: Path
    database: Database
    upstream: DemoUpstream
    port: int = field(default_factory=free_port)
    main: "psutil.Popen | None" = None
    _output: IO[bytes] = field(default_factory=NamedTemporaryFile)

    @property
    def output(self) -> str:
        """Everything printed since the last start."""
        return Path(self._output.name).read_text()

    @property
    def last_known(self) -> Path:
        """The file in which it keeps the entitlements that it knew last."""
        return self.home / "gateway" / "last_known"

    @property
    def metrics(self) -> Path:
        """The folder of the metrics of its processes."""
        return self.home / "metrics"

    @property
    def is_running(self) -> bool:
        return self.main is not None and self.main.is_running()

    @property
    def workers(self) -> set[int]:
        """The ids of its processes that serve."""
        assert self.main is not None
        return {process.pid for process in self.main.children()}

    def start(self, *, workers: int = 2) -> None:
        """Start it, and wait until it answers."""
        self._output = NamedTemporaryFile()  # noqa: SIM115 - read until the end
        self.metrics.mkdir(parents=True, exist_ok=True)
        self.main = psutil.Popen(
            [sys.executable, "manage.py", "gateway", "--workers", str(workers)],
            cwd=ROOT,
            env=self._environment(),
            stdin=subprocess.DEVNULL,
            stdout=self._output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=partial(stop_with_parent, signal.SIGTERM),
        )
        wait(lambda: len(self.workers) == workers and self.accepts())

    def stop(self) -> int:
        """Send SIGTERM and wait. Returns the exit code."""
        assert self.main is not None
        self.main.terminate()
        return int(self.main.wait(PATIENCE))

    def accepts(self) -> bool:
        """Return whether it takes a new connection."""
        with suppress(OSError):
            return self.get("/healthz")[0] == 200
        return False

    def get(self, path: str, **headers: str) -> tuple[int, str]:
        """Return the status and the body of a page, by a connection of its own."""
        with closing(HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)) as http:
            http.request("GET", path, headers=headers)
            answer = http.getresponse()
            return answer.status, answer.read().decode()

    def readiness(self) -> tuple[int, dict[str, Any]]:
        status, text = self.get("/readyz")
        return status, json.loads(text)

    def ask(self, secret: str, prompt: str, **fields: Any) -> "Asked":
        """Send a request, and return its answer, of which nothing is read yet."""
        http = HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        body = {"model": GROK, "messages": [{"role": "user", "content": prompt}], **fields}
        http.request("POST", COMPLETIONS, json.dumps(body), {"authorization": f"Bearer {secret}"})
        return Asked(http.sock.getsockname()[1], http.getresponse())

    def status(self, secret: str) -> int:
        """Return the status of the answer to a request that counts nowhere."""
        return self.get("/v1/models", authorization=f"Bearer {secret}")[0]

    def metric(self, name: str, **labels: str) -> float:
        """Return the sum of a metric of the gateway, of the samples that have these labels."""
        families = text_string_to_metric_families(self.get("/metrics")[1])
        return sum(
            sample.value
            for family in families
            for sample in family.samples
            if sample.name == f"scaletier_gateway_{name}"
            if labels.items() <= sample.labels.items()
        )

    def connections_of(self, worker: int) -> set[int]:
        """Return the ports of the clients that are connected with one of its processes."""
        return {
            connection.raddr.port
            for connection in psutil.Process(worker).net_connections("tcp")
            if connection.status == psutil.CONN_ESTABLISHED
            if connection.laddr.port == self.port
        }

    def threads_of(self, worker: int) -> "list[Thread]":
        """Return the threads of one of its processes."""
        found = []
        for folder in Path(f"/proc/{worker}/task").iterdir():
            with suppress(OSError):  # It has ended meanwhile.
                number, name = int(folder.name), (folder / "comm").read_text().strip()
                cores, policy = os.sched_getaffinity(number), os.sched_getscheduler(number)
                found.append(Thread(name, frozenset(cores), policy))
        return found

    def _environment(self) -> dict[str, str]:
        inherited = {
            name: value for name, value in os.environ.items() if not name.startswith("SCALETIER_")
        }
        return {
            **inherited,
            "DJANGO_SETTINGS_MODULE": "scaletier.settings",
            "SCALETIER_HOME": str(self.home),
            "DATABASE_URL": self.database.url,
            "VALKEY_URL": settings.VALKEY_URL,
            "SCALETIER_UPSTREAM_URL": self.upstream.url,
            "SCALETIER_UPSTREAM_KEY": self.upstream.key,
            "SCALETIER_GATEWAY_PORT": str(self.port),
            "SCALETIER_GATEWAY_STOP_SECONDS": str(STOP_SECONDS),
            "PROMETHEUS_MULTIPROC_DIR": str(self.metrics),
        }


@dataclass(frozen=True, slots=True)
class Thread:
    """A thread of a process, and how it is placed."""

    name: str
    cores: frozenset[int]
    policy: int


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that was sent, and its answer."""

    port: int
    """That of the client."""
    answer: HTTPResponse

    def events(self) -> list[bytes]:
        """Return the data of a stream's events, to its end, or until the connection breaks."""
        found = []
        with suppress(HTTPException, OSError):
            while line := self.answer.readline():
                if line.startswith(b"data: "):
                    found.append(line.removeprefix(b"data: ").strip())
        return found
