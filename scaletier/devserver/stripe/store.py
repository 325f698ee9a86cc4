"""Everything the stand-in remembers, in one SQLite file: a second start finds it all."""

import json
import secrets
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scaletier.devserver.stripe.shapes import Object

KEY_LIFETIME = 24 * 60 * 60
SCHEMA = """
CREATE TABLE IF NOT EXISTS objects (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT UNIQUE NOT NULL, kind TEXT NOT NULL,
    created INTEGER NOT NULL, body TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS objects_of_a_kind ON objects (kind, seq);
CREATE TABLE IF NOT EXISTS answers (
    key TEXT PRIMARY KEY, request TEXT NOT NULL, at REAL NOT NULL, status INTEGER NOT NULL,
    body TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS deliveries (
    event TEXT PRIMARY KEY, attempts INTEGER NOT NULL DEFAULT 0, due REAL NOT NULL DEFAULT 0,
    done INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE IF NOT EXISTS settings (name TEXT PRIMARY KEY, value TEXT NOT NULL);
"""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a request with an idempotency key was, and what it was answered."""

    request: str
    status: int
    body: Object


class Store:
    """One connection under one lock; `changing()` is one transaction."""

    def __init__(self, file: Path | None = None) -> None:
        self.lock = threading.RLock()
        self._database = sqlite3.connect(
            str(file) if file else ":memory:", check_same_thread=False, isolation_level=None
        )
        self._database.executescript(SCHEMA)

    @contextmanager
    def changing(self) -> Iterator[None]:
        """All or nothing of what the block writes, and nobody else in between."""
        with self.lock:
            self._run("BEGIN")
            try:
                yield
            except BaseException:
                self._run("ROLLBACK")
                raise
            self._run("COMMIT")

    def close(self) -> None:
        with self.lock:
            self._database.close()

    # --- The clock ----------------------------------------------------------------------------

    def now(self) -> float:
        """Seconds since 1970 by the stand-in's own clock."""
        return time.time() + float(self.setting("clock_ahead") or 0)

    def move_clock(self, to: float) -> None:
        self.set("clock_ahead", str(to - time.time()))

    def setting(self, name: str) -> str | None:
        row = self._run("SELECT value FROM settings WHERE name = ?", name).fetchone()
        return row[0] if row else None

    def set(self, name: str, value: str) -> None:
        self._run("INSERT OR REPLACE INTO settings VALUES (?, ?)", name, value)

    # --- Objects ------------------------------------------------------------------------------

    def add(self, found: Object) -> Object:
        self._run(
            "INSERT INTO objects (id, kind, created, body) VALUES (?, ?, ?, ?)",
            found["id"],
            found["object"],
            found["created"] if "created" in found else int(self.now()),
            json.dumps(found),
        )
        return found

    def save(self, found: Object) -> Object:
        self._run("UPDATE objects SET body = ? WHERE id = ?", json.dumps(found), found["id"])
        return found

    def get(self, kind: str, object_id: str) -> Object | None:
        row = self._run(
            "SELECT body FROM objects WHERE kind = ? AND id = ?", kind, object_id
        ).fetchone()
        return json.loads(row[0]) if row else None

    def all(self, kind: str, **having: str) -> list[Object]:
        """Oldest first."""
        where = "".join(f" AND json_extract(body, '$.{name}') = ?" for name in having)
        rows = self._run(
            f"SELECT body FROM objects WHERE kind = ?{where} ORDER BY seq",  # noqa: S608
            kind,
            *having.values(),
        )
        return [json.loads(row[0]) for row in rows]

    # --- Idempotency --------------------------------------------------------------------------

    def answer(self, key: str) -> Answer | None:
        """What is kept under a key that has not expired."""
        row = self._run(
            "SELECT request, status, body FROM answers WHERE key = ? AND at > ?",
            key,
            self.now() - KEY_LIFETIME,
        ).fetchone()
        return Answer(row[0], row[1], json.loads(row[2])) if row else None

    def keep(self, key: str, answer: Answer) -> None:
        self._run(
            "INSERT OR REPLACE INTO answers VALUES (?, ?, ?, ?, ?)",
            key,
            answer.request,
            self.now(),
            answer.status,
            json.dumps(answer.body),
        )

    # --- Deliveries of events -----------------------------------------------------------------

    def owe(self, event: str) -> None:
        self._run("INSERT INTO deliveries (event) VALUES (?)", event)

    def owed(self) -> list[Object]:
        """Events to deliver by now, oldest first."""
        rows = self._run(
            "SELECT body FROM deliveries JOIN objects ON id = event"
            " WHERE NOT done AND due <= ? ORDER BY seq",
            time.time(),
        )
        return [json.loads(row[0]) for row in rows]

    def delivered(self, event: str) -> None:
        self._run("UPDATE deliveries SET done = 1 WHERE event = ?", event)

    def not_delivered(self, event: str) -> None:
        """Try again in 1, 2, 4 … 60 seconds."""
        self._run(
            "UPDATE deliveries SET attempts = attempts + 1,"
            " due = ? + min(60, 1 << min(attempts, 6)) WHERE event = ?",
            time.time(),
            event,
        )

    def _run(self, sql: str, *values: Any) -> sqlite3.Cursor:
        with self.lock:
            return self._database.execute(sql, values)


def new_id(prefix: str) -> str:
    return f"{prefix}_{secrets.token_hex(12)}"
