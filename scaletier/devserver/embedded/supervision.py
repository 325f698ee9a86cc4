"""Starts an engine again when it ends by itself, a few times, and says so."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

import psutil

from scaletier.devserver.embedded.processes import EngineError, ServerCommand, stop_processes

MAX_RESTARTS, RESTART_PERIOD = 3, 300.0
"""An engine that ends more often than that within so many seconds has a fault of its own."""

RETRY_SECONDS = 30.0
"""For how long a start is tried again: PostgreSQL waits for connections of the dead one."""


@dataclass(frozen=True, slots=True)
class Supervision:
    """What to do when an engine ends by itself; both get one line for the user.

    `say` is called after every restart, `give_up` when there will be no further one.
    """

    say: Callable[[str], None]
    give_up: Callable[[str], None]


@dataclass(slots=True)
class _Engine:
    """A running engine. A thread waits for its end and starts it again."""

    command: ServerCommand
    process: psutil.Popen
    supervision: Supervision
    stopping: threading.Event = field(default_factory=threading.Event)
    changing: threading.Lock = field(default_factory=threading.Lock)

    def watch(self) -> None:
        """Start the engine again whenever it ends, until it is stopped or ends too often.

        Linux ends a child with the thread that started it, so this thread runs as long as the
        engine does.
        """
        restarts: list[float] = []
        while True:
            exit_code = self.process.wait()
            with self.changing:
                if self.stopping.is_set():
                    return
                end = f"{self.command.name} ended by itself (exit code {exit_code})"
                restarts = [at for at in restarts if at > time.monotonic() - RESTART_PERIOD]
                if len(restarts) == MAX_RESTARTS:
                    self.supervision.give_up(f"{end} after {MAX_RESTARTS} restarts")
                    return
                restarts.append(time.monotonic())
                if not self._restart(end):
                    return
            self.supervision.say(
                f"{end}; it was started again ({len(restarts)} of at most {MAX_RESTARTS} times)."
            )

    def _restart(self, end: str) -> bool:
        """Start the engine again. Returns whether it runs."""
        deadline = time.monotonic() + RETRY_SECONDS
        while not self.stopping.is_set():
            try:
                self.process = self.command.start(restart=True)
            except (EngineError, OSError) as error:
                if time.monotonic() > deadline:
                    self.supervision.give_up(f"{end} and cannot be started again: {error}")
                    return False
                self.stopping.wait(0.5)
            else:
                return True
        return False

    def stop(self) -> None:
        self.stopping.set()
        with self.changing:
            stop_processes([self.process], self.command.stop_signal)
            with suppress(psutil.NoSuchProcess):
                self.process.wait()


@contextmanager
def run_server(command: ServerCommand, supervision: Supervision | None) -> Iterator[None]:
    """Run a server for the length of the block, which begins when it is ready.

    Without `supervision` it is not started again when it ends by itself. Raises EngineError if it
    does not become ready at first.
    """
    process = command.start()
    if supervision is None:
        try:
            yield
        finally:
            stop_processes([process], command.stop_signal)
            process.wait()
        return
    engine = _Engine(command, process, supervision)
    watcher = threading.Thread(target=engine.watch, name=f"{command.name} watcher", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        engine.stop()
        watcher.join()
