"""The embedded engines keep their data, are private, and stop with the run that started them."""

import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import psutil
import psycopg
import pytest
import redis

from scaletier.devserver.embedded import EngineError, postgresql, valkey
from tests.site import ROOT, temporary_home

pytestmark = pytest.mark.slow  # Each starts an engine of its own.


@pytest.fixture
def home() -> Iterator[Path]:
    with temporary_home() as home:
        yield home


def query_database(folder: Path, sql: str = "SELECT 1") -> object:
    """Start PostgreSQL, run one query, and stop. Returns the first value of the result."""
    with postgresql(folder, durable=False) as url, psycopg.connect(url) as connection:
        row = connection.execute(sql.encode()).fetchone()
        assert row is not None
        return row[0]


def servers_of(folder: Path) -> list[str]:
    return [
        process.info["name"]
        for process in psutil.process_iter(["name", "cwd", "status"])
        if Path(process.info["cwd"] or "/").is_relative_to(folder)
        and process.info["status"] != psutil.STATUS_ZOMBIE
    ]


def kill_run_with_data(folder: Path) -> None:
    """Start both engines, store a table and a queued task, and kill the process that runs them."""
    program = """
        import os, signal, sys
        from pathlib import Path
        import psycopg, redis
        from scaletier.devserver.embedded import postgresql, valkey
        folder = Path(sys.argv[1])
        with postgresql(folder / "postgresql") as database, valkey(folder / "valkey") as url:
            with psycopg.connect(database) as connection:
                connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
            redis.Redis.from_url(url).lpush("queue", "task")
            os.kill(os.getpid(), signal.SIGKILL)
    """
    command = [sys.executable, "-c", textwrap.dedent(program), str(folder)]
    process = subprocess.run(command, check=False, cwd=ROOT, env={**os.environ, "PYTHONPATH": "."})
    assert process.returncode == -signal.SIGKILL


def test_both_engines_keep_their_data_when_a_run_is_killed(home: Path) -> None:
    kill_run_with_data(home)
    assert query_database(home / "postgresql", "SELECT answer FROM kept") == 42
    with valkey(home / "valkey") as url, redis.Redis.from_url(url) as client:
        assert client.lrange("queue", 0, -1) == [b"task"]
    assert servers_of(home) == []


def test_an_engine_stops_when_its_block_fails(home: Path) -> None:
    with pytest.raises(ZeroDivisionError), postgresql(home / "postgresql", durable=False):
        raise ZeroDivisionError
    assert servers_of(home) == []


def test_the_product_connects_to_its_database_without_superuser_rights(home: Path) -> None:
    sql = "SELECT rolsuper FROM pg_roles WHERE rolname = current_user"
    assert query_database(home / "postgresql", sql) is False


def test_other_users_of_the_machine_can_open_neither_engine(home: Path) -> None:
    with postgresql(home / "postgresql", durable=False) as url:
        sockets = Path(unquote(url.partition("host=")[2]))
        assert sockets.stat().st_mode & 0o077 == 0
        assert (sockets / ".s.PGSQL.5432").stat().st_mode & 0o077 == 0
    with valkey(home / "valkey", durable=False) as url:
        stranger = redis.Redis.from_url("redis://" + url.partition("@")[2])
        with stranger, pytest.raises(redis.AuthenticationError):
            stranger.ping()
        assert (home / "valkey" / "valkey.conf").stat().st_mode & 0o077 == 0


def test_the_database_works_in_a_folder_that_only_our_own_user_can_open(home: Path) -> None:
    """If we are root, PostgreSQL's own user has no way through the home to its data."""
    home.mkdir(mode=0o700)
    assert query_database(home / "postgresql") == 1
    assert query_database(home / "postgresql") == 1
    assert home.stat().st_mode & 0o077 == 0
    assert (home / "postgresql").stat().st_mode & 0o077 == 0


def test_the_database_works_in_a_home_with_a_long_path(home: Path) -> None:
    folder = home / ("long-" * 20) / "postgresql"
    assert query_database(folder) == 1
    assert query_database(folder) == 1


def test_the_database_starts_if_another_program_has_the_process_id_in_its_pid_file(
    home: Path,
) -> None:
    folder = home / "postgresql"
    assert query_database(folder) == 1
    (folder / "data" / "postmaster.pid").write_text(f"{os.getpid()}\n{folder / 'data'}\n0\n")
    assert query_database(folder) == 1


def test_files_of_another_postgresql_version_are_refused_in_one_line(home: Path) -> None:
    folder = home / "postgresql"
    assert query_database(folder) == 1
    (folder / "data" / "PG_VERSION").write_text("17\n")
    with pytest.raises(EngineError, match=r"made by PostgreSQL 17; this is 18: move it"):
        query_database(folder)


def test_an_unfinished_data_folder_is_created_again(home: Path) -> None:
    (home / "postgresql" / "data.new" / "base").mkdir(parents=True)
    assert query_database(home / "postgresql") == 1


def test_the_reason_why_a_server_does_not_start_is_one_line(home: Path) -> None:
    folder = home / "postgresql"
    assert query_database(folder) == 1
    (folder / "data" / "postgresql.conf").write_text("no_such_setting = 1\n")
    with pytest.raises(EngineError, match=r"PostgreSQL did not start: .*errors") as error:
        query_database(folder)
    assert len(str(error.value).splitlines()) == 1
