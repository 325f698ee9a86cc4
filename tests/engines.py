"""PostgreSQL and Valkey of the tests' own: started once a run, shared by its worker processes."""

import atexit
import os
import tempfile
from contextlib import ExitStack
from pathlib import Path

from scaletier.devserver import embedded

STARTED = "SCALETIER_TEST_ENGINES"


def start_once() -> None:
    """Start the engines and put their addresses where settings look, unless a parent has.

    They stop when this process ends; worker processes inherit the addresses and come and go.
    """
    if STARTED in os.environ:
        return
    until_exit = ExitStack()
    atexit.register(_close_in, os.getpid(), until_exit)
    home = Path(
        until_exit.enter_context(
            tempfile.TemporaryDirectory(prefix="scaletier-tests-", ignore_cleanup_errors=True)
        )
    )
    os.environ["SCALETIER_HOME"] = str(home)
    os.environ["DATABASE_URL"] = until_exit.enter_context(
        embedded.postgresql(home / "postgresql", durable=False)
    )
    os.environ["VALKEY_URL"] = until_exit.enter_context(
        embedded.valkey(home / "valkey", durable=False)
    )
    os.environ[STARTED] = "1"


def _close_in(process_id: int, until_exit: ExitStack) -> None:
    if os.getpid() == process_id:  # A forked child must not stop its parent's engines.
        until_exit.close()
