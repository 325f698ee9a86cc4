"""No process works on a database that is behind its code: it says so in one line and ends."""

import os
import subprocess
import sys
from collections.abc import Iterator
from urllib.parse import urlsplit

import psycopg
import pytest
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder

from common.database import UnfitDatabaseError
from scaletier.startup import check_database
from tests.site import ROOT

PROCESSES = {
    "worker": ("-m", "celery", "-A", "scaletier", "worker", "--concurrency=1"),
    "beat": ("-m", "celery", "-A", "scaletier", "beat"),
    "web": ("manage.py", "serve"),
    "command": ("manage.py", "open_days"),
}


@pytest.fixture(scope="module")
def empty_database() -> Iterator[str]:
    """The URL of a database that has no tables yet."""
    url = os.environ["DATABASE_URL"]
    name = f"empty_{os.getpid()}"
    with psycopg.connect(url, dbname="postgres", autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name}".encode())
        yield urlsplit(url)._replace(path=f"/{name}").geturl()
        admin.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


@pytest.mark.parametrize("process", PROCESSES)
def test_a_process_refuses_an_empty_database_in_one_line(process: str, empty_database: str) -> None:
    result = subprocess.run(
        [sys.executable, "-W", "ignore", *PROCESSES[process]],
        check=False,
        cwd=ROOT,
        env={**os.environ, "DATABASE_URL": empty_database},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert result.returncode == 1
    line = result.stderr.strip().splitlines()[-1]
    assert "The database is behind this code: contenttypes.0001_initial is not applied" in line
    assert line.endswith("run `manage.py deploy`.")
    assert "Traceback" not in result.stderr


@pytest.mark.django_db
def test_a_database_that_lacks_one_migration_is_refused_by_its_name() -> None:
    check_database()
    ((app, name),) = MigrationLoader(connection).graph.leaf_nodes("capacity")
    MigrationRecorder(connection).record_unapplied(app, name)
    with pytest.raises(UnfitDatabaseError, match=rf"{app}\.{name} is not applied"):
        check_database()


@pytest.mark.django_db
def test_a_database_ahead_of_the_code_is_accepted_for_an_upgrade_goes_through_it() -> None:
    MigrationRecorder(connection).record_applied("capacity", "9999_of_the_next_version")
    check_database()
