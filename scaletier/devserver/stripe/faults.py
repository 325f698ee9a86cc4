"""Fault injection: tests choose which requests fail, and how."""

import re
import threading
from dataclasses import dataclass, field

ANSWER, DROP, HANG, WAIT = "answer", "drop", "hang", "wait"


@dataclass(slots=True)
class Fault:
    """A fault of the next `times` requests that match, after `skip` matching ones without it.

    A request matches if its method starts with `method` and its path contains the regular
    expression `path`. `how` is one of

    - `answer`: respond with the error `status`;
    - `drop`: close the connection without a response;
    - `hang`: never respond;
    - `wait`: respond correctly, but only after `Faults.released` is set.

    `done` says whether the request is executed before the fault happens.
    """

    how: str = ANSWER
    status: int = 500
    done: bool = False
    times: int = 1
    skip: int = 0
    method: str = ""
    path: str = ""

    def applies_to(self, method: str, path: str) -> bool:
        """Return whether this request gets the fault, and count the request."""
        if self.times <= 0 or not method.startswith(self.method) or not re.search(self.path, path):
            return False
        if self.skip > 0:
            self.skip -= 1
            return False
        self.times -= 1
        return True


@dataclass(slots=True)
class Faults:
    """The faults to inject, oldest first; a request gets one at most."""

    hanging: threading.Event = field(default_factory=threading.Event)
    released: threading.Event = field(default_factory=threading.Event)
    _faults: list[Fault] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def ask_for(self, fault: Fault) -> None:
        """Add a fault for later requests."""
        with self._lock:
            self._faults.append(fault)

    def take(self, method: str, path: str) -> Fault | None:
        """Return the fault for this request, if there is one."""
        with self._lock:
            return next((fault for fault in self._faults if fault.applies_to(method, path)), None)

    def hang(self) -> None:
        """Set `hanging`, then block until `released` is set, by a test or when the server stops."""
        self.hanging.set()
        self.released.wait()
