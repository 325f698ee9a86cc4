"""Starts a server as a child process, waits until it is ready, stops it, and finds leftovers."""

import ctypes
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import psutil

START_SECONDS = 60.0  # Long, because recovery after a crash first reads the write-ahead log.
STOP_SECONDS = 20.0

LIBC = ctypes.CDLL(None)
PR_SET_PDEATHSIG = 1


class EngineError(Exception):
    """An embedded engine cannot be started; the message is one line for the user."""


@dataclass(frozen=True, slots=True)
class ServerCommand:
    """How a server is started and stopped.

    The server is ready when `check_ready` does not raise. `stop_signal` makes it shut down
    cleanly; on Linux it also gets it when this process is killed. It starts in `folder`, even one
    that its own user could not find the way to.
    """

    name: str
    arguments: Sequence[str]
    log: Path
    folder: Path
    check_ready: Callable[[], object]
    stop_signal: signal.Signals
    account: str | None = None

    def start(self, *, restart: bool = False) -> psutil.Popen:
        """Start the server and wait until it is ready. A restart goes on with the same log.

        Raises EngineError if the server does not become ready; then it does not run.
        """
        with self.log.open("ab" if restart else "wb") as output:
            process = psutil.Popen(
                self.arguments,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=self.folder,
                preexec_fn=partial(stop_with_parent, self.stop_signal),
                **account_arguments(self.account),
            )
        try:
            _wait_until_ready(self.name, process, self.log, self.check_ready)
        except BaseException:
            stop_processes([process], self.stop_signal)
            process.wait()
            raise
        return process


def account_arguments(account: str | None) -> dict[str, object]:
    """Return arguments of `Popen` that start a process as `account`, or as our user if it is None.

    The process gets its own session, where the terminal's Ctrl-C does not reach it.
    """
    if account is None:
        return {"start_new_session": True}
    return {"start_new_session": True, "user": account, "group": account, "extra_groups": []}


def stop_with_parent(stop_signal: signal.Signals) -> None:
    """Make Linux send `stop_signal` to this process when its parent is killed.

    It runs in the child process, before the child becomes the server.
    """
    if sys.platform == "linux":
        LIBC.prctl(PR_SET_PDEATHSIG, int(stop_signal))


def stop_processes(processes: Sequence[psutil.Process], stop_signal: signal.Signals) -> None:
    """Send `stop_signal` to all processes, wait for them, and kill those that still run then."""
    for signum in (stop_signal, signal.SIGKILL):
        for process in processes:
            with suppress(psutil.NoSuchProcess):
                process.send_signal(signum)
        deadline = time.monotonic() + STOP_SECONDS
        while processes and time.monotonic() < deadline:
            processes = [process for process in processes if _is_running(process)]
            time.sleep(0.02)


def _is_running(process: psutil.Process) -> bool:
    try:
        # A zombie has ended; its parent has only not read its exit code yet.
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def stop_leftovers(programs: set[str], folder: Path, stop_signal: signal.Signals) -> None:
    """Stop servers of an earlier run: processes of `programs` that work inside `folder`."""
    leftovers = [
        process
        for process in psutil.process_iter(["name", "cwd"])
        if process.info["name"] in programs
        and process.info["cwd"]
        and Path(process.info["cwd"]).is_relative_to(folder)
    ]
    stop_processes(leftovers, stop_signal)


def last_log_line(log: Path) -> str:
    """Return the last line of a log and the path of the log."""
    lines = log.read_text(errors="replace").strip().splitlines() or ["the log is empty"]
    return f"{lines[-1].strip()} (full log: {log})"


def _wait_until_ready(
    name: str, process: psutil.Popen, log: Path, check_ready: Callable[[], object]
) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            check_ready()
        except Exception as error:  # Each client library has its own exceptions.
            if process.poll() is not None:
                raise EngineError(f"{name} did not start: {last_log_line(log)}") from None
            if time.monotonic() > deadline:
                raise EngineError(f"{name} does not answer: {error} (full log: {log})") from error
            time.sleep(0.05)
        else:
            return
