"""Runs the long-running processes of an installation together in one terminal, for `make run`."""

import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import psutil
from django.conf import settings
from honcho.manager import SYSTEM_PRINTER_NAME, Manager
from honcho.printer import Message, Printer

from scaletier.devserver import gateway_process, stripe_process
from scaletier.devserver.embedded.processes import stop_leftovers, stop_processes

PYTHON = shlex.quote(sys.executable)

# The command line of each process, by its name; `$…` is an environment variable.
PROCESSES = {
    "web": f"{PYTHON} manage.py serve",
    "gateway": f"{PYTHON} manage.py gateway",
    # `make run` supports root on purpose; Celery's warning about root is meant for production.
    "worker": f'{PYTHON} -W "ignore:You\'re running the worker with superuser privileges"'
    " -m celery --quiet --skip-checks -A scaletier worker --concurrency 2"
    " --loglevel warning --without-gossip --without-mingle",
    "beat": f"{PYTHON} -m celery --quiet --skip-checks -A scaletier beat --loglevel warning",
}
DEMO_CELERY = "scaletier.devserver.demo_celery"
STRIPE_STAND_IN = {"stripe": f"{PYTHON} {stripe_process.COMMAND}"}
DEMO_UPSTREAM = {"upstream": f"{PYTHON} {gateway_process.COMMAND}"}

HOME_VARIABLE = "SCALETIER_PROCESS_OF"
"""The environment variable that names the home of every process started here.

`stop_all` finds processes by it: at the start those of an earlier run that was killed, and at the
end those that are still running.
"""


REAPER = """
import os, sys, time
while os.getppid() == int(sys.argv[1]):
    time.sleep(0.5)
from pathlib import Path
from scaletier.devserver.processes import stop_orphans
stop_orphans(Path(sys.argv[2]))
"""
"""A program that waits for the end of its parent. What it stops with, it imports only then."""


def of_product(*, with_demo: bool) -> dict[str, str]:
    """Return the command lines of the product's processes; with demo data its traffic goes on."""
    if not with_demo:
        return PROCESSES
    return {
        name: command.replace("-A scaletier ", f"-A {DEMO_CELERY} ")
        for name, command in PROCESSES.items()
    }


class ProcessEndedError(Exception):
    """A process ended by itself, though it should have run until the end."""


class _ProcessPrinter(Printer):
    """Prints the processes' output. Honcho's own messages are not printed, only read.

    They say whether a signal arrived, and which process ended first.
    """

    stop_requested = False
    first_exit: str | None = None

    def write(self, message: Message) -> None:
        if message.name != SYSTEM_PRINTER_NAME:
            with suppress(OSError):  # If the terminal is gone, the processes must still be stopped.
                super().write(message)
        elif message.data.endswith("received\n"):
            self.stop_requested = True
        elif match := re.fullmatch(r"(\S+) stopped \(rc=(-?\d+)\)\n", message.data):
            process_exit = f"{match[1]} ended by itself (exit code {match[2]})"
            self.first_exit = self.first_exit or process_exit


def run(home: Path, commands: Mapping[str, str], environment: Mapping[str, str]) -> None:
    """Run all commands, given by name, until SIGINT or SIGTERM, then stop all of them.

    If one process ends before that, stop the others and raise ProcessEndedError.
    """
    printer = _ProcessPrinter(sys.stdout)
    manager = Manager(printer=printer)
    for name, command in commands.items():
        # `exec` replaces the shell, so that signals reach the process itself.
        manager.add_process(name, f"exec {command}", env=child_environment(environment, home))
    try:
        manager.loop()
    finally:
        stop_all(home)
    if not printer.stop_requested:
        raise ProcessEndedError(printer.first_exit)


def start_reaper(home: Path) -> None:
    """Start a process that stops everything of this home if this process is killed.

    It is one of the processes that `stop_all` stops, so it never outlives the next start.
    """
    subprocess.Popen(
        [sys.executable, "-c", REAPER, str(os.getpid()), str(home)],
        cwd=settings.BASE_DIR,
        env=child_environment(os.environ, home),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def stop_orphans(home: Path) -> None:
    """Stop what a killed `make run` has left behind: its processes, then its engines."""
    stop_all(home)
    stop_leftovers({"valkey-server"}, home / "valkey", signal.SIGTERM)
    stop_leftovers({"postgres", "initdb"}, home / "postgresql", signal.SIGINT)


def child_environment(environment: Mapping[str, str], home: Path) -> dict[str, str]:
    """Return the environment with the variable by which `stop_all` finds the process.

    `SPT_NOENV`: setproctitle, where a tool has brought it, may not overwrite the environment.
    """
    return {**environment, HOME_VARIABLE: str(home), "SPT_NOENV": "1"}


def stop_all(home: Path) -> None:
    """Stop every process of this home, started by this run or by an earlier one."""
    processes = [
        process
        for process in psutil.process_iter(["environ"])
        if (process.info["environ"] or {}).get(HOME_VARIABLE) == str(home)
        and process.pid != os.getpid()
    ]
    stop_processes(processes, signal.SIGTERM)
