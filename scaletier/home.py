"""`SCALETIER_HOME`: the folder in which an installation stores its data.

Other users of the machine can neither open it nor read a file in it: it holds mail and secrets.
"""

import fcntl
import json
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import quote


class HomeUnusableError(SystemExit):
    """The home cannot be used; the message says why, in one line.

    It is a `SystemExit` because the settings need the home. Wherever it is raised, Python prints
    the line and stops, without a traceback.
    """

    def __init__(self, home: Path, reason: str) -> None:
        super().__init__(f"Scale Tier cannot use {home} as its home (SCALETIER_HOME): {reason}")


@dataclass(frozen=True, slots=True)
class EngineUrls:
    """The URLs at which `make run` serves the database and Valkey.

    `migration_database_url` is the database with the role that owns its tables, or empty if there
    is one role only.
    """

    database_url: str
    valkey_url: str
    migration_database_url: str = ""


def path() -> Path:
    """Return the absolute path of the home, which may not exist yet."""
    return Path(os.environ.get("SCALETIER_HOME") or ".scaletier").expanduser().resolve()


def create(home: Path) -> None:
    """Create the home if it is missing, and close it to other users if it is not.

    Raises HomeUnusableError if that is impossible, or if it is a folder for everybody, like /tmp.
    """
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = home.stat()
        if status.st_mode & (stat.S_IWOTH | stat.S_ISVTX):
            raise HomeUnusableError(home, "every user of the machine may write there.")
        if stat.S_IMODE(status.st_mode) != 0o700:
            home.chmod(0o700)
    except OSError as error:
        raise HomeUnusableError(home, _reason(error)) from None


def engine_urls(home: Path) -> EngineUrls:
    """Return the URLs published by the `make run` that runs on this home.

    If none is running, return URLs at which no server listens. The engines' usual addresses would
    be wrong: servers of somebody else may listen there.
    """
    try:
        return EngineUrls(**json.loads((home / "engines.json").read_text()))
    except (FileNotFoundError, NotADirectoryError):
        return EngineUrls(
            f"postgresql:///scaletier?host={quote(str(home))}", "redis://127.0.0.1:1/0"
        )


@contextmanager
def publish_engine_urls(home: Path, urls: EngineUrls) -> Iterator[None]:
    """Store the URLs where other processes of this home find them, for the length of the block."""
    file = home / "engines.json"
    draft = _write_private_draft(home, json.dumps(asdict(urls)))
    draft.replace(file)
    try:
        yield
    finally:
        file.unlink(missing_ok=True)


@contextmanager
def lock(home: Path) -> Iterator[None]:
    """Create the home and lock it for the length of the block, against any other `make run`.

    It is a POSIX record lock. The kernel releases it however this process ends. Child processes do
    not inherit it: they may run longer than this process.

    Raises HomeUnusableError if the home is locked already or cannot be used.
    """
    create(home)
    try:
        descriptor = os.open(home / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise HomeUnusableError(home, _reason(error)) from None
    with os.fdopen(descriptor, "r+") as file:
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            process_id = file.read().strip() or "unknown"
            raise HomeUnusableError(
                home, f"another `make run` is using it (process {process_id})."
            ) from None
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
        yield


def secret_key(home: Path) -> str:
    """Return the installation's signing key. Raises HomeUnusableError if the home is unusable."""
    return secret(home, "secret_key")


def secret(home: Path, name: str) -> str:
    """Return a random secret that only our own user can read. The first call creates it.

    Raises HomeUnusableError if the home cannot be used.
    """
    file = home / name
    try:
        if not file.exists():
            create(home)
            draft = _write_private_draft(home, secrets.token_urlsafe(48))
            # `link` fails if the file exists. So if two processes create it, both use the first.
            with suppress(FileExistsError):
                os.link(draft, file)
            draft.unlink()
        return file.read_text()
    except OSError as error:
        raise HomeUnusableError(home, _reason(error)) from None


def _write_private_draft(home: Path, text: str) -> Path:
    """Write a new file that only our user can read. Returns its path."""
    draft = home / f".draft-{secrets.token_hex(8)}"
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    return draft


def _reason(error: OSError) -> str:
    return f"{(error.strerror or str(error)).lower()} ({error.filename})."
