"""The threads of a process that hold the GIL in turn, kept on one core while they are busy.

The loop's thread, the HTTP client's and one of the server's can never run Python at the same time.
On several cores each hand-over of the GIL wakes another core, whose thread often finds it taken
again: a busy gateway spends a third of its time so. On one core it is a switch between two threads,
made when the first has nothing more to do. The server's threads that only move bytes stay free.
"""

import asyncio
import os
import threading
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path
from time import thread_time

LOOK_SECONDS = 0.25
BUSY = 0.2
"""The loop's share of a core from which on its threads are kept together."""
CHOICE_SECONDS = 0.002
"""For how long the system may choose another core for the loop, before the others follow it."""
WITHOUT_GIL = "tokio"
"""How the names of the server's threads begin that never hold the GIL."""
CORE = 36
"""The field of a thread's `stat`, counted behind its name, that says on which core it ran last."""
THREADS = Path("/proc/self/task")


def can_be_placed() -> bool:
    """Return whether the system lets a process place its threads: Linux does."""
    return hasattr(os, "sched_setaffinity") and THREADS.exists()


async def keep_together() -> None:
    """Look four times a second how busy the loop is, and place its threads; until it is cancelled.

    Where the system refuses to place a thread, it stays where it is.
    """
    loop = threading.get_native_id()
    cores, policy = os.sched_getaffinity(loop), os.sched_getscheduler(loop)
    # A policy that an operator chose is left alone.
    while_busy = os.SCHED_BATCH if policy == os.SCHED_OTHER else policy
    are_together = False
    try:
        while True:
            before = thread_time()
            await asyncio.sleep(LOOK_SECONDS)
            if thread_time() - before >= BUSY * LOOK_SECONDS:
                _place(loop, cores, while_busy)
                await asyncio.sleep(CHOICE_SECONDS)
                _place_all({_core(loop)}, cores, while_busy)
                are_together = True
            elif are_together:
                _place_all(cores, cores, policy)
                are_together = False
    finally:
        _place_all(cores, cores, policy)


def _place_all(with_gil: Collection[int], others: Collection[int], policy: int) -> None:
    """Place every thread: a new one begins where the thread is that made it."""
    for folder in THREADS.iterdir():
        with suppress(OSError):  # It has ended meanwhile.
            name = (folder / "comm").read_text()
            _place(int(folder.name), others if name.startswith(WITHOUT_GIL) else with_gil, policy)


def _place(thread: int, cores: Collection[int], policy: int) -> None:
    """Let a thread run on these cores.

    By `SCHED_BATCH` it does not interrupt another when it wakes, which would hold the GIL still.
    """
    with suppress(OSError):
        os.sched_setaffinity(thread, cores)
        os.sched_setscheduler(thread, policy, os.sched_param(0))


def _core(thread: int) -> int:
    stat = (THREADS / str(thread) / "stat").read_text()
    return int(stat.rpartition(")")[2].split()[CORE])
