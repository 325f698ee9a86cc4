"""Real threads on real connections, at the same moment or one behind another at a lock."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Barrier
from time import monotonic
from typing import Any

from django.db import connection, transaction

from common.errors import BusinessError
from common.idempotency import ReplayedResponse

Action = Callable[[], Any]

LONGEST_WAIT = 60
"""Seconds until a test gives up on threads that neither wait nor end."""

WAITING = """
    SELECT count(DISTINCT pid) FROM pg_locks
    WHERE NOT granted AND pid IN (
        SELECT lock.pid FROM pg_locks lock JOIN pg_database here ON here.oid = lock.database
        WHERE here.datname = current_database()
    )
"""


def at_once(*actions: Action) -> list[Any]:
    """Run all at the same moment, each on its own connection; refusals are results too."""
    start = Barrier(len(actions))

    def run(action: Action) -> Any:
        start.wait()
        return _outcome(action)

    with ThreadPoolExecutor(len(actions)) as threads:
        return list(threads.map(run, actions))


def in_line(*actions: Action, behind: Action) -> list[Any]:
    """Run each on its own connection, started once all before it wait for a lock or have ended.

    `behind` takes a lock in a transaction of the caller's, which ends once all have got so far.
    """
    running: list[Future[Any]] = []
    with ThreadPoolExecutor(len(actions)) as threads:
        with transaction.atomic(durable=True):
            behind()
            for action in actions:
                running.append(threads.submit(_outcome, action))
                _until_none_gets_further(running)
        return [thread.result() for thread in running]


def codes(results: list[Any]) -> list[str]:
    """What was refused, and why."""
    return sorted(result.code for result in results if isinstance(result, BusinessError))


def _outcome(action: Action) -> Any:
    try:
        return action()
    except (BusinessError, ReplayedResponse) as answer:
        return answer
    finally:
        connection.close()


def _until_none_gets_further(running: list[Future[Any]]) -> None:
    deadline = monotonic() + LONGEST_WAIT
    with connection.cursor() as cursor:
        while monotonic() < deadline:
            cursor.execute(WAITING)
            [(waiting,)] = cursor.fetchall()
            if waiting + sum(thread.done() for thread in running) == len(running):
                return
    raise AssertionError("a thread neither waits for a lock nor ends")
