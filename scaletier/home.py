"""`SCALETIER_HOME`: the folder in which an installation keeps what it makes."""

import fcntl
import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import quote


class HomeUnusableError(SystemExit):
    """The home cannot be used; carries the one line that says why.

    A `SystemExit`, because settings need the home: wherever it surfaces, Python prints the line
    and stops, with no traceback.
    """

    def __init__(self, home: Path, reason: str) -> None:
        super().__init__(f"Scale Tier cannot use {home} as its home (SCALETIER_HOME): {reason}")


@dataclass(frozen=True, slots=True)
class Engines:
    """Where the embedded engines listen while `make run` has them up."""

    database_url: str
    valkey_url: str


def path() -> Path:
    """The home folder, absolute; it need not exist yet."""
    return Path(os.environ.get("SCALETIER_HOME") or ".scaletier").expanduser().resolve()


def engines(home: Path) -> Engines:
    """Addresses left by the running `make run` of this home; else ones at which nobody listens,
    never those of engines that belong to somebody else.
    """
    try:
        return Engines(**json.loads((home / "engines.json").read_text()))
    except (FileNotFoundError, NotADirectoryError):
        return Engines(f"postgresql:///scaletier?host={quote(str(home))}", "redis://127.0.0.1:1/0")


@contextmanager
def publish_engines(home: Path, addresses: Engines) -> Iterator[None]:
    """Tell other processes of this home where the engines listen, for as long as they do."""
    file = home / "engines.json"
    draft = _write_privately(home, json.dumps(asdict(addresses)))
    draft.replace(file)
    try:
        yield
    finally:
        file.unlink(missing_ok=True)


@contextmanager
def hold(home: Path) -> Iterator[None]:
    """Make the home and keep every other `make run` out of it.

    A POSIX record lock: the kernel lifts it however this process ends, and children, which may
    outlive it, do not inherit it.
    """
    try:
        home.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(home / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise HomeUnusableError(home, _reason(error)) from None
    with os.fdopen(descriptor, "r+") as file:
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            holder = file.read().strip() or "unknown"
            raise HomeUnusableError(
                home, f"another `make run` is using it (process {holder})."
            ) from None
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
        yield


def secret_key(home: Path) -> str:
    """The installation's own signing key, made on first use and readable by its user alone."""
    file = home / "secret_key"
    try:
        if not file.exists():
            home.mkdir(parents=True, exist_ok=True)
            draft = _write_privately(home, secrets.token_urlsafe(48))
            # A link is refused where the file exists: of two first uses at once, one key wins.
            with suppress(FileExistsError):
                os.link(draft, file)
            draft.unlink()
        return file.read_text()
    except OSError as error:
        raise HomeUnusableError(home, _reason(error)) from None


def _write_privately(home: Path, text: str) -> Path:
    draft = home / f".draft-{secrets.token_hex(8)}"
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as handle:
        handle.write(text)
    return draft


def _reason(error: OSError) -> str:
    return f"{(error.strerror or str(error)).lower()} ({error.filename})."
