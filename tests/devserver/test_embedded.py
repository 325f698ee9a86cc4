"""The embedded engines: real, private, and never left behind."""

import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest
import redis

from scaletier.devserver.embedded import EngineError, postgresql, valkey
from tests.site import ROOT, temporary_home


@pytest.fixture
def home() -> Iterator[Path]:
    with temporary_home() as home:
        yield home


def run_database(folder: Path, sql: str = "SELECT 1") -> object:
    """Start, ask one thing, stop."""
    with postgresql(folder, durable=False) as url, psycopg.connect(url) as connection:
        row = connection.execute(sql.encode()).fetchone()
        assert row is not None
        return row[0]


def servers_of(folder: Path) -> list[str]:
    return [
        process.info["name"]
        for process in psutil.process_iter(["name", "cmdline", "status"])
        if str(folder) in " ".join(process.info["cmdline"] or [])
        and process.info["status"] != psutil.STATUS_ZOMBIE
    ]


def start_and_be_killed(folder: Path) -> None:
    """Both engines are up, with a key and a table stored, when their parent is killed."""
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
    ended = subprocess.run(command, check=False, cwd=ROOT, env={**os.environ, "PYTHONPATH": "."})
    assert ended.returncode == -signal.SIGKILL


def test_both_go_on_where_a_killed_run_left_them(home: Path) -> None:
    start_and_be_killed(home)
    assert run_database(home / "postgresql", "SELECT answer FROM kept") == 42
    with valkey(home / "valkey") as url, redis.Redis.from_url(url) as client:
        assert client.lrange("queue", 0, -1) == [b"task"]
    assert servers_of(home) == []


def test_a_block_that_fails_still_stops_its_engine(home: Path) -> None:
    with pytest.raises(ZeroDivisionError), postgresql(home / "postgresql", durable=False):
        raise ZeroDivisionError
    assert servers_of(home) == []


def test_the_product_is_no_superuser_of_its_database(home: Path) -> None:
    sql = "SELECT rolsuper FROM pg_roles WHERE rolname = current_user"
    assert run_database(home / "postgresql", sql) is False


def test_other_users_of_the_machine_can_open_neither(home: Path) -> None:
    with postgresql(home / "postgresql", durable=False) as url:
        sockets = Path(url.partition("host=")[2])
        assert sockets.stat().st_mode & 0o077 == 0
        assert (sockets / ".s.PGSQL.5432").stat().st_mode & 0o077 == 0
    with valkey(home / "valkey", durable=False) as url:
        stranger = redis.Redis.from_url("redis://" + url.partition("@")[2])
        with stranger, pytest.raises(redis.AuthenticationError):
            stranger.ping()
        assert (home / "valkey" / "valkey.conf").stat().st_mode & 0o077 == 0


def test_a_home_with_a_long_path_works(home: Path) -> None:
    folder = home / ("long-" * 20) / "postgresql"
    assert run_database(folder) == 1
    assert run_database(folder) == 1


def test_a_pid_file_whose_number_another_program_has_by_now_is_no_obstacle(home: Path) -> None:
    folder = home / "postgresql"
    assert run_database(folder) == 1
    (folder / "data" / "postmaster.pid").write_text(f"{os.getpid()}\n{folder / 'data'}\n0\n")
    assert run_database(folder) == 1


def test_another_version_s_files_are_refused_in_one_line(home: Path) -> None:
    folder = home / "postgresql"
    assert run_database(folder) == 1
    (folder / "data" / "PG_VERSION").write_text("17\n")
    with pytest.raises(EngineError, match=r"made by PostgreSQL 17; this is 18: move it"):
        run_database(folder)


def test_files_that_were_never_finished_are_made_anew(home: Path) -> None:
    (home / "postgresql" / "data.new" / "base").mkdir(parents=True)
    assert run_database(home / "postgresql") == 1


def test_a_server_that_does_not_start_says_why_in_one_line(home: Path) -> None:
    folder = home / "postgresql"
    assert run_database(folder) == 1
    (folder / "data" / "postgresql.conf").write_text("no_such_setting = 1\n")
    with pytest.raises(EngineError, match=r"PostgreSQL did not start: .*errors") as refused:
        run_database(folder)
    assert len(str(refused.value).splitlines()) == 1
