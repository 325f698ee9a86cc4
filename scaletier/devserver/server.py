"""`make run`: starts the whole product in one terminal and runs it until it is interrupted."""

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError, OutputWrapper

from scaletier import home
from scaletier.devserver import gateway_process, processes, stripe_process
from scaletier.devserver.demo import sign_in_table
from scaletier.devserver.embedded import Supervision
from scaletier.devserver.engines import start_engines
from scaletier.web_address import WebAddress

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass(frozen=True, slots=True)
class Server:
    """Starts the engines, brings the database up to date, then runs all processes."""

    output: OutputWrapper
    load_demo: bool

    def run(self) -> None:
        """Run until interrupted. Raises CommandError, with one line that says what is wrong."""
        _handle_stop_signals()
        os.umask(0o077)  # Files are for our user alone, in every process that is started here.
        failure = _Failure()
        with suppress(KeyboardInterrupt), ExitStack() as until_stopped:
            address = WebAddress.from_environment()
            until_stopped.enter_context(home.lock(settings.HOME))
            processes.stop_all(settings.HOME)
            address.check_free()
            gateway = gateway_process.choose_address()
            processes.start_reaper(settings.HOME)
            until_stopped.callback(processes.stop_all, settings.HOME)
            self._print_step("PostgreSQL and Valkey")
            supervision = Supervision(say=self._print_line, give_up=failure.report)
            engine_urls = start_engines(until_stopped, supervision)
            # Called before the engines are stopped: a second Ctrl-C must not interrupt that.
            until_stopped.callback(_ignore_stop_signals)
            until_stopped.enter_context(home.publish_engine_urls(settings.HOME, engine_urls))
            self._run_processes(address, gateway, engine_urls)
        if failure.reason:
            raise CommandError(f"{failure.reason}; everything was stopped.")
        self.output.write("Stopped.")

    def _run_processes(
        self, address: WebAddress, gateway: WebAddress, engine_urls: home.EngineUrls
    ) -> None:
        environment = _environment(address, gateway, engine_urls)
        commands, notice = processes.of_product(with_demo=self.load_demo), ""
        if stripe_process.is_needed():
            commands = {**commands, **processes.STRIPE_STAND_IN}
            stand_in = stripe_process.choose_address(settings.HOME, web_host=address.host)
            environment |= stripe_process.environment(settings.HOME, stand_in, web_url=address.url)
            notice = stand_in.notice
        upstream = os.environ.get("SCALETIER_UPSTREAM_URL", "")
        if gateway_process.is_demo_needed():
            commands = {**commands, **processes.DEMO_UPSTREAM}
            environment |= gateway_process.demo_environment()
            upstream = "a demo upstream without a model"
        _manage(environment, "prepare", "--demo" if self.load_demo else "--no-demo")
        self._print_step(f"Starting {', '.join(commands)}")
        with _printed_when_served(address, self._banner(environment, upstream, notice)):
            try:
                processes.run(settings.HOME, commands, environment)
            except processes.ProcessEndedError as error:
                raise CommandError(f"{error}; the others were stopped.") from None

    def _banner(self, environment: Mapping[str, str], upstream: str, notice: str) -> str:
        """Return what is printed once the pages are served."""
        gateway_url = environment["SCALETIER_GATEWAY_URL"]
        parts = [
            f"Scale Tier is ready at {environment['SCALETIER_PUBLIC_URL']}",
            f"The gateway is at {gateway_url}, before {upstream}: see API keys for a key.",
            sign_in_table() if self.load_demo else "",
            notice,
            f"Ctrl-C stops everything; the data stays in {settings.HOME}.",
        ]
        return "\n\n".join(filter(None, parts))

    def _print_step(self, step: str) -> None:
        self._print_line(f"==> {step}")

    def _print_line(self, line: str) -> None:
        self.output.write(line)
        self.output.flush()


@dataclass(slots=True)
class _Failure:
    """Why the run cannot go on; empty if it can."""

    reason: str = ""

    def report(self, reason: str) -> None:
        """Remember the reason and stop everything, as Ctrl-C does; from any thread."""
        self.reason = reason
        os.kill(os.getpid(), signal.SIGTERM)


def _environment(
    address: WebAddress, gateway: WebAddress, engine_urls: home.EngineUrls
) -> dict[str, str]:
    """Return the environment of every process."""
    return {
        **os.environ,
        "SCALETIER_HOME": str(settings.HOME),
        "SCALETIER_PUBLIC_URL": os.environ.get("SCALETIER_PUBLIC_URL") or address.url,
        **gateway_process.environment(gateway),
        "SCALETIER_GATEWAY_URL": os.environ.get("SCALETIER_GATEWAY_URL") or f"{gateway.url}/v1",
        "DATABASE_URL": engine_urls.database_url,
        "SCALETIER_MIGRATION_DATABASE_URL": engine_urls.migration_database_url,
        "VALKEY_URL": engine_urls.valkey_url,
        "PYTHONUNBUFFERED": "1",
    }


def _handle_stop_signals() -> None:
    """Make SIGTERM, and SIGHUP when the terminal closes, stop everything as Ctrl-C does."""
    main_process_id = os.getpid()

    def stop_main_process(*_args: Any) -> None:
        # SIGHUP reaches the whole process group, and forked children inherit this handler. Only
        # the main process reacts; it stops the children itself.
        if os.getpid() == main_process_id:
            os.kill(main_process_id, signal.SIGTERM)

    signal.signal(signal.SIGTERM, signal.default_int_handler)
    signal.signal(signal.SIGHUP, stop_main_process)


def _ignore_stop_signals() -> None:
    for signum in STOP_SIGNALS:
        signal.signal(signum, signal.SIG_IGN)


def _manage(environment: Mapping[str, str], *arguments: str) -> None:
    """Run a management command, which prints its own progress. Raises CommandError if it fails.

    It runs in its own session, so that the terminal's Ctrl-C does not reach it directly.
    """
    result = subprocess.run(
        [sys.executable, "manage.py", *arguments],
        check=False,
        cwd=settings.BASE_DIR,
        env=processes.child_environment(environment, settings.HOME),
        stdin=subprocess.DEVNULL,
        start_new_session=True,
    )
    if result.returncode:
        raise CommandError(f"`manage.py {' '.join(arguments)}` failed.")


@contextmanager
def _printed_when_served(address: WebAddress, banner: str) -> Iterator[None]:
    """Print the banner as soon as the pages are served, from a second process."""
    printer = multiprocessing.Process(
        target=_print_when_served, args=(address, banner), daemon=True
    )
    printer.start()
    try:
        yield
    finally:
        printer.kill()
        printer.join()


def _print_when_served(address: WebAddress, banner: str) -> None:
    _ignore_stop_signals()
    main_process_id = os.getppid()
    while not address.is_served():
        if os.getppid() != main_process_id:  # It was killed.
            return
        time.sleep(0.1)
    print(f"\n{banner}\n", flush=True)  # noqa: T201
