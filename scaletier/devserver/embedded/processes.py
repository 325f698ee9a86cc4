"""Starting a server as a child, waiting until it answers, stopping it, and finding leftovers."""

import ctypes
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

import psutil

START_SECONDS = 60.0  # Recovery after a crash reads the write-ahead log first.
STOP_SECONDS = 20.0

LIBC = ctypes.CDLL(None)
PR_SET_PDEATHSIG = 1


class EngineError(Exception):
    """An embedded engine cannot be had; the message is one line for whoever started it."""


@contextmanager
def serve(
    name: str,
    command: Sequence[str],
    *,
    log: Path,
    until: Callable[[], object],
    stop: signal.Signals,
    account: str | None = None,
) -> Iterator[None]:
    """Run a server for the length of the block, which begins when `until` no longer raises.

    `stop` is the signal that makes it end in good order; it also gets it when this process is
    killed (where the system offers that). Raises `EngineError` when it does not come up.
    """
    with log.open("wb") as output:
        process = psutil.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd=log.parent,
            preexec_fn=partial(end_with_parent, stop),
            **as_account(account),
        )
    try:
        _wait(name, process, log, until)
        yield
    finally:
        end([process], stop)
        process.wait()


def as_account(account: str | None) -> dict[str, object]:
    """Arguments of `Popen`: away from the terminal's Ctrl-C and, where given, as another user."""
    if account is None:
        return {"start_new_session": True}
    return {"start_new_session": True, "user": account, "group": account, "extra_groups": []}


def end_with_parent(how: signal.Signals) -> None:
    """In the child, before it becomes the server: a killed parent must not leave it running."""
    if sys.platform == "linux":
        LIBC.prctl(PR_SET_PDEATHSIG, int(how))


def end(processes: Sequence[psutil.Process], how: signal.Signals) -> None:
    """Ask all processes to end, wait for them together, and kill what will not."""
    for signum in (how, signal.SIGKILL):
        for process in processes:
            with suppress(psutil.NoSuchProcess):
                process.send_signal(signum)
        deadline = time.monotonic() + STOP_SECONDS
        while processes and time.monotonic() < deadline:
            processes = [process for process in processes if _runs(process)]
            time.sleep(0.02)


def _runs(process: psutil.Process) -> bool:
    try:
        # A process that ended and that nobody has asked about yet is as good as gone.
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def end_leftovers(programs: set[str], folder: Path, how: signal.Signals) -> None:
    """End what an earlier run left behind: `programs` that were started on files in `folder`."""
    end(
        [
            process
            for process in psutil.process_iter(["cmdline"])
            if (command := process.info["cmdline"])
            and Path(command[0]).name in programs
            and any(Path(argument).is_relative_to(folder) for argument in command[1:])
        ],
        how,
    )


def last_words(log: Path) -> str:
    """The last line of a log, and where to read the others."""
    lines = log.read_text(errors="replace").strip().splitlines() or ["it said nothing"]
    return f"{lines[-1].strip()} (all of it: {log})"


def _wait(name: str, process: psutil.Popen, log: Path, until: Callable[[], object]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            until()
        except Exception as error:  # Any client library's; which one is the caller's business.
            if process.poll() is not None:
                raise EngineError(f"{name} did not start: {last_words(log)}") from None
            if time.monotonic() > deadline:
                raise EngineError(f"{name} does not answer: {error} (its log: {log})") from error
            time.sleep(0.05)
        else:
            return
