"""A time limit for what many requests do, with one timer for all of them.

A timer for each request, as `asyncio.timeout` has, costs more than most requests take to be read.
"""

import asyncio
from collections.abc import Awaitable
from typing import Any, TypeVar

SWEEP_SECONDS = 0.25
Result = TypeVar("Result")


class Deadline:
    """Ends what takes too long: at the next look, a quarter of a second later at most."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._since: dict[asyncio.Task[Any], float] = {}
        """Who is at it, in the order in which they began. Who took too long is gone from it."""
        self._timer: asyncio.TimerHandle | None = None

    async def keep(self, work: Awaitable[Result]) -> Result:
        """Return the result. Raises TimeoutError if it takes too long."""
        task = asyncio.current_task()
        assert task
        loop = task.get_loop()
        self._since[task] = loop.time()
        if self._timer is None:
            self._timer = loop.call_later(SWEEP_SECONDS, self._sweep)
        try:
            return await work
        except asyncio.CancelledError:
            if task in self._since:
                raise
            task.uncancel()
            raise TimeoutError from None
        finally:
            self._since.pop(task, None)

    def _sweep(self) -> None:
        loop = asyncio.get_running_loop()
        overdue = loop.time() - self._seconds
        for task in [task for task, since in self._since.items() if since < overdue]:
            del self._since[task]
            task.cancel()
        self._timer = loop.call_later(SWEEP_SECONDS, self._sweep) if self._since else None
