"""The stand-in's data, in one SQLite file, so that it survives a restart."""

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

KEY_LIFETIME_SECONDS = 24 * 60 * 60

# `answers` contains the stored responses. Existing files have these names, so they do not change.
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
class StoredResponse:
    """The response to a request with an idempotency key.

    `request` is the method, path and parameters of that request as one text.
    """

    request: str
    status: int
    body: Object


class Store:
    """The database: one connection, which one thread at a time uses, under `lock`."""

    def __init__(self, file: Path | None = None) -> None:
        self.lock = threading.RLock()
        self._database = sqlite3.connect(
            str(file) if file else ":memory:", check_same_thread=False, isolation_level=None
        )
        self._database.executescript(SCHEMA)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Run the block as one transaction, under the lock. An exception rolls it back."""
        with self.lock:
            self._execute("BEGIN")
            try:
                yield
            except BaseException:
                self._execute("ROLLBACK")
                raise
            self._execute("COMMIT")

    def close(self) -> None:
        with self.lock:
            self._database.close()

    # --- The clock ----------------------------------------------------------------------------

    def now(self) -> float:
        """Return the time of the stand-in's own clock, in seconds since 1970."""
        return time.time() + float(self._setting("clock_ahead") or 0)

    def move_clock(self, to: float) -> None:
        self._set_setting("clock_ahead", str(to - time.time()))

    def _setting(self, name: str) -> str | None:
        row = self._execute("SELECT value FROM settings WHERE name = ?", name).fetchone()
        return row[0] if row else None

    def _set_setting(self, name: str, value: str) -> None:
        self._execute("INSERT OR REPLACE INTO settings VALUES (?, ?)", name, value)

    # --- Objects ------------------------------------------------------------------------------

    def add(self, new_object: Object) -> Object:
        self._execute(
            "INSERT INTO objects (id, kind, created, body) VALUES (?, ?, ?, ?)",
            new_object["id"],
            new_object["object"],
            new_object["created"] if "created" in new_object else int(self.now()),
            json.dumps(new_object),
        )
        return new_object

    def save(self, changed_object: Object) -> Object:
        self._execute(
            "UPDATE objects SET body = ? WHERE id = ?",
            json.dumps(changed_object),
            changed_object["id"],
        )
        return changed_object

    def delete(self, object_id: str) -> None:
        self._execute("DELETE FROM objects WHERE id = ?", object_id)

    def get(self, kind: str, object_id: str) -> Object | None:
        row = self._execute(
            "SELECT body FROM objects WHERE kind = ? AND id = ?", kind, object_id
        ).fetchone()
        return json.loads(row[0]) if row else None

    def all(self, kind: str, **filters: str) -> list[Object]:
        """Return the objects of a kind whose fields have these values, oldest first."""
        conditions = "".join(f" AND json_extract(body, '$.{name}') = ?" for name in filters)
        rows = self._execute(
            f"SELECT body FROM objects WHERE kind = ?{conditions} ORDER BY seq",  # noqa: S608
            kind,
            *filters.values(),
        )
        return [json.loads(row[0]) for row in rows]

    # --- Idempotency keys ---------------------------------------------------------------------

    def stored_response(self, key: str) -> StoredResponse | None:
        """Return the response stored under an idempotency key, unless the key has expired."""
        row = self._execute(
            "SELECT request, status, body FROM answers WHERE key = ? AND at > ?",
            key,
            self.now() - KEY_LIFETIME_SECONDS,
        ).fetchone()
        return StoredResponse(row[0], row[1], json.loads(row[2])) if row else None

    def store_response(self, key: str, response: StoredResponse) -> None:
        self._execute(
            "INSERT OR REPLACE INTO answers VALUES (?, ?, ?, ?, ?)",
            key,
            response.request,
            self.now(),
            response.status,
            json.dumps(response.body),
        )

    # --- Webhook deliveries -------------------------------------------------------------------

    def enqueue_delivery(self, event_id: str) -> None:
        self._execute("INSERT INTO deliveries (event) VALUES (?)", event_id)

    def due_events(self) -> list[Object]:
        """Return the events that are due for delivery, oldest first."""
        rows = self._execute(
            "SELECT body FROM deliveries JOIN objects ON id = event"
            " WHERE NOT done AND due <= ? ORDER BY seq",
            time.time(),
        )
        return [json.loads(row[0]) for row in rows]

    def mark_delivered(self, event_id: str) -> None:
        self._execute("UPDATE deliveries SET done = 1 WHERE event = ?", event_id)

    def schedule_retry(self, event_id: str) -> None:
        """Make the event due again in 1, 2, 4 … 60 seconds, longer after each attempt."""
        self._execute(
            "UPDATE deliveries SET attempts = attempts + 1,"
            " due = ? + min(60, 1 << min(attempts, 6)) WHERE event = ?",
            time.time(),
            event_id,
        )

    def _execute(self, sql: str, *values: Any) -> sqlite3.Cursor:
        with self.lock:
            return self._database.execute(sql, values)


def new_id(prefix: str) -> str:
    """Return a new id like Stripe's: `in_…`, `cus_…`."""
    return f"{prefix}_{secrets.token_hex(12)}"
