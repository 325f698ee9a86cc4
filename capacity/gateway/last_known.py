"""The last known entitlements on disk, for a gateway that starts while the database is away.

One process of a machine keeps the file; when it ends, another does. Of API keys it holds what the
database holds: digests.
"""

import asyncio
import fcntl
import logging
import os
import stat
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from math import inf
from pathlib import Path
from threading import Lock
from time import monotonic
from typing import Any

import orjson

from capacity.gateway import rows
from capacity.gateway.rows import OrganizationRows, Row

logger = logging.getLogger(__name__)

WRITE_SECONDS = 5.0
"""How often what has changed is written at most."""
STAMP_SECONDS = 10.0
"""How often it is written that nothing has changed."""

_STAMP = b'{"until":%.3f,'
_STAMP_AT = len(b'{"until":')


@dataclass(frozen=True, slots=True)
class Known:
    """What a file says. `until` is the instant until which it was true: seconds since 1970."""

    until: float
    snapshots: list[Row]
    organizations: dict[int, OrganizationRows]


class LastKnown:
    """The file, and the lines to write there."""

    def __init__(self, path: Path, database: str) -> None:
        """`database` says which one: that of another is not read."""
        self._path = path
        self._database = sha256(database.encode()).hexdigest()
        self._snapshots = b""
        self._organizations: dict[int, bytes] = {}
        self._is_changed = False
        self._written_at = self._stamped_at = -inf
        self._lock_file: int | None = None
        self._writing = Lock()
        self._fault = ""

    def replace(self, snapshots: Iterable[Row]) -> None:
        """Begin again, with these rows of the catalogue and no organization."""
        self._snapshots = rows.to_json(list(snapshots))
        self._organizations.clear()
        self._is_changed = True

    def put(self, organizations: Mapping[int, OrganizationRows], *, gone: Iterable[int]) -> None:
        """Take the rows of organizations in, and leave out what is gone."""
        for pk in gone:
            self._organizations.pop(pk, None)
        for pk, of_organization in organizations.items():
            self._organizations[pk] = b"%d %b" % (pk, rows.to_json(of_organization))
        self._is_changed = True

    async def keep(self, until: float, *, at_once: bool = False) -> None:
        """Write what has changed, or that nothing has, if it is time to. Never raises.

        `until` is the instant until which it was true: seconds since 1970.
        """
        now = monotonic()
        if self._is_changed and (at_once or now >= self._written_at + WRITE_SECONDS):
            self._is_changed = False
            self._written_at = self._stamped_at = now
            lines = [self._snapshots, *self._organizations.values()]
            if not await asyncio.to_thread(self._try_to, self._write, until, lines):
                self._is_changed = True
        elif not self._is_changed and (at_once or now >= self._stamped_at + STAMP_SECONDS):
            self._stamped_at = now
            if not await asyncio.to_thread(self._try_to, self._stamp, until):
                self._is_changed = True  # The file is gone: it is written again.

    def read(self) -> Known | None:
        """Return what the file says; None, with a line in the log, if it is of no use."""
        try:
            return self._read()
        except FileNotFoundError:
            logger.warning("there are no last known entitlements: %s is missing", self._path)
        except (OSError, ValueError, KeyError, TypeError) as error:
            logger.warning("the last known entitlements in %s are ignored: %s", self._path, error)
        return None

    def _read(self) -> Known:
        with self._path.open("rb") as file:
            status = os.fstat(file.fileno())
            if status.st_uid != os.geteuid() or status.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
                raise ValueError("the file is not our user's alone")
            head, body = orjson.loads(file.readline()), file.read()
        if head["version"] != rows.VERSION:
            raise ValueError("another version has written them")
        if head["database"] != self._database:
            raise ValueError("they are those of another database")
        if head["digest"] != sha256(body).hexdigest():
            raise ValueError("the file is broken")
        snapshots, *organizations = body.splitlines()
        pairs = (line.split(b" ", 1) for line in organizations)
        return Known(
            float(head["until"]),
            rows.snapshots_from_json(snapshots),
            {int(pk): rows.organization_from_json(line) for pk, line in pairs},
        )

    def _try_to(self, write: Callable[..., None], *arguments: Any) -> bool:
        """Write, if no other process does. Returns whether it was written."""
        with self._writing:
            try:
                if not self._is_ours():
                    return False
                write(*arguments)
            except OSError as error:
                if self._fault != str(error):
                    self._fault = str(error)
                    logger.warning("the last known entitlements are not kept: %s", error)
                return False
            self._fault = ""
            return True

    def _is_ours(self) -> bool:
        """Return whether this process keeps the file: it holds a lock, which ends with it."""
        if self._lock_file is None:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = os.open(f"{self._path}.lock", os.O_RDWR | os.O_CREAT, 0o600)
            try:
                fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(lock)
                return False
            self._lock_file = lock
        return True

    def _write(self, until: float, lines: list[bytes]) -> None:
        """Replace the file. Whoever reads it finds the one before, or this one."""
        body = b"\n".join(lines) + b"\n"
        about = {
            "version": rows.VERSION,
            "database": self._database,
            "digest": sha256(body).hexdigest(),
        }
        draft = Path(f"{self._path}.draft")
        draft.unlink(missing_ok=True)
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.writelines((_STAMP % until, orjson.dumps(about)[1:], b"\n", body))
            file.flush()
            os.fsync(file.fileno())
        draft.replace(self._path)

    def _stamp(self, until: float) -> None:
        """Write until when the file has been true, in its place, which has always this length."""
        file = os.open(self._path, os.O_WRONLY)
        try:
            os.pwrite(file, b"%.3f" % until, _STAMP_AT)
        finally:
            os.close(file)
