"""Real threads on real connections, started at the same moment or queued at a lock."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Barrier
from time import monotonic
from typing import Any

from django.db import connection, transaction

from common.errors import BusinessError
from common.idempotency import ReplayedResponse

Action = Callable[[], Any]

TIMEOUT_SECONDS = 60
"""How long a test waits for threads that neither wait for a lock nor end."""

COUNT_WAITING = """
    SELECT count(DISTINCT pid) FROM pg_locks
    WHERE NOT granted AND pid IN (
        SELECT lock.pid FROM pg_locks lock
        JOIN pg_database database ON database.oid = lock.database
        WHERE database.datname = current_database()
    )
"""


def run_at_once(*actions: Action) -> list[Any]:
    """Run all actions at the same moment, each on its own connection; errors are results too."""
    start = Barrier(len(actions))

    def run(action: Action) -> Any:
        start.wait()
        return _result(action)

    with ThreadPoolExecutor(len(actions)) as threads:
        return list(threads.map(run, actions))


def run_in_queue(*actions: Action, behind: Action) -> list[Any]:
    """Queue the actions at a lock, in their order, each on its own connection.

    `behind` takes a lock in a transaction of the calling thread. Each action starts when all
    actions before it wait for a lock or have ended. The transaction ends when the last one does so.
    """
    futures: list[Future[Any]] = []
    with ThreadPoolExecutor(len(actions)) as threads:
        with transaction.atomic(durable=True):
            behind()
            for action in actions:
                futures.append(threads.submit(_result, action))
                _wait_until_all_stop(futures)
        return [future.result() for future in futures]


def error_codes(results: list[Any]) -> list[str]:
    """Return the codes of the business errors among the results, sorted."""
    return sorted(result.code for result in results if isinstance(result, BusinessError))


def _result(action: Action) -> Any:
    try:
        return action()
    except (BusinessError, ReplayedResponse) as error:
        return error
    finally:
        connection.close()


def _wait_until_all_stop(futures: list[Future[Any]]) -> None:
    deadline = monotonic() + TIMEOUT_SECONDS
    with connection.cursor() as cursor:
        while monotonic() < deadline:
            cursor.execute(COUNT_WAITING)
            [(waiting,)] = cursor.fetchall()
            if waiting + sum(future.done() for future in futures) == len(futures):
                return
    raise AssertionError("a thread neither waits for a lock nor ends")
