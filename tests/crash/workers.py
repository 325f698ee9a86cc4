"""The real Celery worker on the tests' own engines, and how it is killed."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest
from django.conf import settings
from django.db import connection

ROOT = Path(__file__).resolve().parent.parent.parent

POLL_SECONDS = 0.005

RUNNING = """
    SELECT EXISTS (
        SELECT FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid()
          AND state IN ('active', 'idle in transaction') AND query ILIKE %s
    )
"""


def is_running(statement: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(RUNNING, [statement])
        return bool(cursor.fetchone()[0])


def kill_all(worker: "subprocess.Popen[bytes]") -> None:
    """Kill the worker with its processes at once, as a machine fails."""
    os.killpg(worker.pid, signal.SIGKILL)
    worker.wait()


def kill_processes(worker: "subprocess.Popen[bytes]") -> None:
    """Kill the processes of the worker. It starts new ones and continues."""
    for process in psutil.Process(worker.pid).children():
        process.kill()


def give_time(worker: "subprocess.Popen[bytes]", seconds: float) -> None:
    """Let the worker run for a while; fail if it ends by itself."""
    try:
        exit_code = worker.wait(seconds)
    except subprocess.TimeoutExpired:
        return
    pytest.fail(f"the worker ended by itself, with {exit_code}")


@contextmanager
def running_worker() -> Iterator["subprocess.Popen[bytes]"]:
    """`celery -A scaletier worker` on the tests' own engines, in a process group of its own."""
    database = urlsplit(os.environ["DATABASE_URL"])._replace(path=connection.settings_dict["NAME"])
    worker = subprocess.Popen(
        [
            sys.executable,
            "-m",
            *("celery", "--skip-checks", "-A", "scaletier", "worker", "--concurrency", "2"),
        ],
        cwd=ROOT,
        env={
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "scaletier.settings",
            "DATABASE_URL": database.geturl(),
            "VALKEY_URL": settings.VALKEY_URL,
        },
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield worker
    finally:
        if worker.poll() is None:
            os.killpg(worker.pid, signal.SIGKILL)
        worker.wait()
