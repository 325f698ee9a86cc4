"""The long-running processes of an installation, kept together in one terminal by `make run`."""

import os
import re
import shlex
import signal
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import psutil
from honcho.manager import SYSTEM_PRINTER_NAME, Manager
from honcho.printer import Message, Printer

from scaletier.devserver import stripe_process
from scaletier.devserver.embedded.processes import end

PYTHON = shlex.quote(sys.executable)

# By name: the command line; `$…` is read from the environment.
PROCESSES = {
    "web": f"{PYTHON} -m gunicorn scaletier.wsgi --bind $SCALETIER_WEB_ADDRESS"
    " --worker-class gthread --workers 2 --threads 4 --graceful-timeout 3"
    " --log-level warning --no-control-socket",
    # `make run` works as root too, on purpose; Celery's warning is for production.
    "worker": f'{PYTHON} -W "ignore:You\'re running the worker with superuser privileges"'
    " -m celery --quiet -A scaletier worker --concurrency 2"
    " --loglevel warning --without-gossip --without-mingle",
    "beat": f"{PYTHON} -m celery --quiet -A scaletier beat --loglevel warning",
}
STAND_IN = {"stripe": f"{PYTHON} {stripe_process.COMMAND}"}

# Every process started here carries its home in this variable. By it, what is left of a run that
# was killed is found at the next start, and whatever lingers at the end of this one.
MARK = "SCALETIER_PROCESS_OF"


class ProcessEndedError(Exception):
    """A process that should have gone on ended by itself."""


class _Output(Printer):
    """Prints the processes' lines; of honcho's own remarks keeps what they tell about the end."""

    asked_to_stop = False
    ended_first: str | None = None

    def write(self, message: Message) -> None:
        if message.name != SYSTEM_PRINTER_NAME:
            with suppress(OSError):  # The terminal may be gone; everything is stopped all the same.
                super().write(message)
        elif message.data.endswith("received\n"):
            self.asked_to_stop = True
        elif found := re.fullmatch(r"(\S+) stopped \(rc=(-?\d+)\)\n", message.data):
            how = f"{found[1]} ended by itself (exit code {found[2]})"
            self.ended_first = self.ended_first or how


def run(home: Path, commands: Mapping[str, str], environment: Mapping[str, str]) -> None:
    """Run every command, by name, until SIGINT or SIGTERM, then stop all of them.

    Raises `ProcessEndedError` if one ended before it was asked to; the others are stopped then.
    """
    output = _Output(sys.stdout)
    manager = Manager(printer=output)
    for name, command in commands.items():
        # `exec`: the process itself, not a shell around it, is who gets the signals.
        manager.add_process(name, f"exec {command}", env=marked(environment, home))
    try:
        manager.loop()
    finally:
        end_all(home)
    if not output.asked_to_stop:
        raise ProcessEndedError(output.ended_first)


def marked(environment: Mapping[str, str], home: Path) -> dict[str, str]:
    """The environment of a process that `end_all` is to find."""
    return {**environment, MARK: str(home)}


def end_all(home: Path) -> None:
    """End every process that was started for this home, by this run or by one that was killed."""
    marked = [
        process
        for process in psutil.process_iter(["environ"])
        if (process.info["environ"] or {}).get(MARK) == str(home) and process.pid != os.getpid()
    ]
    end(marked, signal.SIGTERM)
