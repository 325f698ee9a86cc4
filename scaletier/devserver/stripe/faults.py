"""What goes wrong on demand, at one place on a request's way."""

import re
import threading
from dataclasses import dataclass, field

ANSWER, DROP, HANG, WAIT = "answer", "drop", "hang", "wait"


@dataclass(slots=True)
class Fault:
    """After `skip` requests that match, the next `times` go wrong.

    `how`: an `answer` with the status; a `drop` of the connection without one; a `hang` that never
    answers; a `wait`, until it is released, for what is right and only late. `done`: whether the
    work was done all the same.
    """

    how: str = ANSWER
    status: int = 500
    done: bool = False
    times: int = 1
    skip: int = 0
    method: str = ""
    path: str = ""

    def strikes(self, method: str, path: str) -> bool:
        """Whether this request is one of them; counts it."""
        if self.times <= 0 or not method.startswith(self.method) or not re.search(self.path, path):
            return False
        if self.skip > 0:
            self.skip -= 1
            return False
        self.times -= 1
        return True


@dataclass(slots=True)
class Faults:
    """Those asked for, in the order they were; a request meets one at most."""

    hanging: threading.Event = field(default_factory=threading.Event)
    released: threading.Event = field(default_factory=threading.Event)
    _asked_for: list[Fault] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def ask_for(self, fault: Fault) -> None:
        with self._lock:
            self._asked_for.append(fault)

    def clear(self) -> None:
        with self._lock:
            self._asked_for.clear()

    def take(self, method: str, path: str) -> Fault | None:
        with self._lock:
            return next((fault for fault in self._asked_for if fault.strikes(method, path)), None)

    def hang(self) -> None:
        """Hold the request until it is released, or the stand-in stops."""
        self.hanging.set()
        self.released.wait()
