"""Shows how far a step of the start has come, if it lasts."""

import time
from dataclasses import dataclass, field

from django.core.management.base import OutputWrapper

INTERVAL_SECONDS = 2.0


@dataclass(slots=True)
class Progress:
    """Counts what a step has done, and prints `    12 of 47 migrations` every two seconds."""

    output: OutputWrapper
    total: int
    unit: str
    done: int = 0
    _next_line_at: float = field(default_factory=lambda: time.monotonic() + INTERVAL_SECONDS)

    def advance(self) -> None:
        """Count one more."""
        self.done += 1
        if time.monotonic() >= self._next_line_at and self.done < self.total:
            self.output.write(f"    {self.done} of {self.total} {self.unit}")
            self.output.flush()
            self._next_line_at = time.monotonic() + INTERVAL_SECONDS
