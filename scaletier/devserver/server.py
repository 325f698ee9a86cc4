"""`make run`: everything in one terminal, on engines of its own, until interrupted."""

import multiprocessing
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from http.client import HTTPConnection, HTTPException
from typing import Any, Self

import redis
from django.conf import settings
from django.core.management.base import CommandError, OutputWrapper
from django.db import DatabaseError, connection

from scaletier import home
from scaletier.devserver import embedded, processes, static_files, stripe_process

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass(frozen=True, slots=True)
class WebAddress:
    """Where the pages are served: `SCALETIER_BIND` and `SCALETIER_PORT`."""

    host: str
    port: int

    @classmethod
    def from_environment(cls) -> Self:
        """Raises `CommandError` for what is not a port."""
        given = os.environ.get("SCALETIER_PORT") or "8000"
        if not given.isdecimal() or not 0 < int(given) <= 65535:
            raise CommandError(f"SCALETIER_PORT is not a port: {given!r}.")
        return cls(os.environ.get("SCALETIER_BIND") or "127.0.0.1", int(given))

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"

    @property
    def local_host(self) -> str:
        """The host by which this machine reaches it, whatever it is bound to."""
        return "127.0.0.1" if self.host in {"0.0.0.0", "[::]"} else self.host  # noqa: S104

    @property
    def url(self) -> str:
        return f"http://{self.local_host}:{self.port}"

    def refuse_busy(self) -> None:
        """Raises `CommandError` where nobody could listen, as when somebody does already."""
        try:
            found = socket.getaddrinfo(
                self.host.strip("[]"), self.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
            )
            with socket.socket(*found[0][:2]) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(found[0][4])
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise CommandError(
                f"Cannot listen on {self} ({reason}): stop what does, or set SCALETIER_PORT."
            ) from None

    def answers(self) -> bool:
        """Whether a page is served there."""
        client = HTTPConnection(self.local_host.strip("[]"), self.port, timeout=5)
        try:
            client.request("GET", "/healthz")
            return client.getresponse().status < 500
        except (OSError, HTTPException):
            return False
        finally:
            client.close()


@dataclass(frozen=True, slots=True)
class Server:
    """Starts the engines, brings the database up to date, then runs every process."""

    output: OutputWrapper
    demo: bool

    def run(self) -> None:
        """Run until interrupted. Raises CommandError, with one line that says what is wrong."""
        _stop_as_ctrl_c_does()
        with suppress(KeyboardInterrupt), ExitStack() as until_stopped:
            address = WebAddress.from_environment()
            until_stopped.enter_context(home.hold(settings.HOME))
            processes.end_all(settings.HOME)
            address.refuse_busy()
            self._progress("PostgreSQL and Valkey")
            engines = home.Engines(_database(until_stopped), _valkey(until_stopped))
            until_stopped.callback(_finish_undisturbed)
            until_stopped.enter_context(home.publish_engines(settings.HOME, engines))
            self._run_processes(address, engines)
        self.output.write("Stopped.")

    def _run_processes(self, address: WebAddress, engines: home.Engines) -> None:
        public_url = os.environ.get("SCALETIER_PUBLIC_URL") or address.url
        environment = {
            **os.environ,
            "SCALETIER_HOME": str(settings.HOME),
            "SCALETIER_PUBLIC_URL": public_url,
            "SCALETIER_WEB_ADDRESS": str(address),
            "DATABASE_URL": engines.database_url,
            "VALKEY_URL": engines.valkey_url,
            "PYTHONUNBUFFERED": "1",
        }
        commands = processes.PROCESSES
        if stripe_process.wanted():
            commands = {**commands, **processes.STAND_IN}
            environment |= stripe_process.environment(
                settings.HOME, bound_to=address.host, web_url=address.url, public_url=public_url
            )
        self._progress("Database")
        _manage(environment, "migrate", "--verbosity=0")
        self._progress("Static files")
        static_files.collect_if_changed(
            partial(_manage, environment, "collectstatic", "--no-input", "--verbosity=0")
        )
        banner = [f"Scale Tier is ready at {public_url}"]
        if self.demo:
            self._progress("Demo data")
            banner.append(_manage(environment, "demo").strip())
        banner.append(f"Ctrl-C stops everything; the data stays in {settings.HOME}.")
        self._progress(f"Starting {', '.join(commands)}")
        with _announcement(address, "\n\n".join(banner)):
            try:
                processes.run(settings.HOME, commands, environment)
            except processes.ProcessEndedError as error:
                raise CommandError(f"{error}; the others were stopped.") from None

    def _progress(self, what: str) -> None:
        self.output.write(f"==> {what}")
        self.output.flush()


def _stop_as_ctrl_c_does() -> None:
    """Answer SIGTERM, and the SIGHUP of a terminal that closes, the way SIGINT is answered."""
    main = os.getpid()

    def hung_up(*_args: Any) -> None:
        # The whole foreground group gets it; forked helpers inherit this and wait for our word.
        if os.getpid() == main:
            os.kill(main, signal.SIGTERM)

    signal.signal(signal.SIGTERM, signal.default_int_handler)
    signal.signal(signal.SIGHUP, hung_up)


def _database(until_stopped: ExitStack) -> str:
    """The database's URL: the one given, if it answers, else that of an engine of our own."""
    if given := os.environ.get("DATABASE_URL"):
        try:
            connection.ensure_connection()
        except DatabaseError as error:
            raise CommandError(f"DATABASE_URL does not answer: {_first_line(error)}") from None
        connection.close()
        return given
    try:
        return until_stopped.enter_context(embedded.postgresql(settings.HOME / "postgresql"))
    except (embedded.EngineError, OSError) as error:
        raise CommandError(_first_line(error)) from None


def _valkey(until_stopped: ExitStack) -> str:
    """The same for the broker, cache and counters."""
    if given := os.environ.get("VALKEY_URL"):
        try:
            with redis.Redis.from_url(given) as client:
                client.ping()
        except (redis.RedisError, ValueError) as error:
            raise CommandError(f"VALKEY_URL does not answer: {_first_line(error)}") from None
        return given
    try:
        return until_stopped.enter_context(embedded.valkey(settings.HOME / "valkey"))
    except (embedded.EngineError, OSError) as error:
        raise CommandError(_first_line(error)) from None


def _manage(environment: Mapping[str, str], *arguments: str) -> str:
    """Run a management command to its end, as a child that Ctrl-C does not reach by itself."""
    finished = subprocess.run(
        [sys.executable, "manage.py", *arguments],
        check=False,
        cwd=settings.BASE_DIR,
        env=processes.marked(environment, settings.HOME),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    if finished.returncode:
        raise CommandError(f"`manage.py {' '.join(arguments)}` failed.\n{finished.stdout}".strip())
    return finished.stdout


@contextmanager
def _announcement(address: WebAddress, banner: str) -> Iterator[None]:
    """Print the banner from the side as soon as the pages are served."""
    announcer = multiprocessing.Process(target=_announce, args=(address, banner), daemon=True)
    announcer.start()
    try:
        yield
    finally:
        announcer.kill()
        announcer.join()


def _announce(address: WebAddress, banner: str) -> None:
    for signum in STOP_SIGNALS:
        signal.signal(signum, signal.SIG_IGN)
    while not address.answers():
        time.sleep(0.1)
    print(f"\n{banner}\n", flush=True)  # noqa: T201


def _finish_undisturbed() -> None:
    """From here on everything is being stopped already; a second Ctrl-C must not cut it short."""
    for signum in STOP_SIGNALS:
        signal.signal(signum, signal.SIG_IGN)


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0]
