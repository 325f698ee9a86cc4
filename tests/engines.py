"""PostgreSQL and Valkey for tests: started once for a test run, shared by its worker processes."""

import atexit
import os
import tempfile
from contextlib import ExitStack
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


def _close_in_process(process_id: int, until_exit: ExitStack) -> None:
    if os.getpid() == process_id:  # A forked child must not stop its parent's engines.
        until_exit.close()
