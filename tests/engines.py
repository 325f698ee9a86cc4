"""PostgreSQL and Valkey for tests: started once for a test run, shared by its worker processes."""

import atexit
import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from scaletier.devserver import embedded

STARTED_VARIABLE = "SCALETIER_TEST_ENGINES"


def start_once() -> None:
    """Start the engines, unless a parent process has, and set the variables that settings read.

    The engines stop when this process ends. Worker processes inherit the variables, and the
    engines keep running when a worker ends.
    """
    if STARTED_VARIABLE in os.environ:
        return
    until_exit = ExitStack()
    atexit.register(_close_in_process, os.getpid(), until_exit)
    home = Path(
        until_exit.enter_context(
            tempfile.TemporaryDirectory(prefix="scaletier-tests-", ignore_cleanup_errors=True)
        )
    )
    os.environ["SCALETIER_HOME"] = str(home)
    os.environ.pop("SCALETIER_MIGRATION_DATABASE_URL", None)
    os.environ["DATABASE_URL"] = until_exit.enter_context(
        embedded.postgresql(home / "postgresql", durable=False)
    )
    os.environ["VALKEY_URL"] = until_exit.enter_context(
        embedded.valkey(home / "valkey", durable=False)
    )
    os.environ[STARTED_VARIABLE] = "1"


@contextmanager
def one_worker_at_a_time() -> Iterator[None]:
    """Run the block in one worker process at a time."""
    with Path(os.environ["SCALETIER_HOME"], "workers.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _close_in_process(process_id: int, until_exit: ExitStack) -> None:
    if os.getpid() == process_id:  # A forked child must not stop its parent's engines.
        until_exit.close()
