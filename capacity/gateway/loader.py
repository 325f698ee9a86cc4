"""Keeps the entitlements in memory in step with the database, which says itself what changed.

While the database is away the gateway goes on with what it knows, and one that starts begins with
what was known last; `age` says for how long. When nobody has confirmed it for too long, it is
forgotten: a key that was revoked meanwhile must not work for ever.
"""

import asyncio
import logging
import os
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from math import inf
from time import monotonic, time
from typing import Any

import psycopg
from django.db import connection

from capacity.gateway import rows
from capacity.gateway.entitlements import Entitlements
from capacity.gateway.last_known import LastKnown
from capacity.gateway.rows import OrganizationRows
from common.change_notices import CHANNEL, EVERYTHING

logger = logging.getLogger(__name__)

HEARTBEAT_SECONDS = 1.0
"""How often the database is asked whether it is there, when it says nothing."""
FIRST_ANSWER_SECONDS = 2.0
"""How long a gateway that starts waits for a connection before it begins with what is on disk."""
ANSWER_SECONDS = 5.0
"""After which a database that does not answer counts as away."""
STATEMENT_SECONDS = 60.0
"""The same for a statement that reads all organizations."""
GATHER_SECONDS = 0.05
"""For how long changes are gathered before they are loaded together."""
RETRY_SECONDS = 0.5
TEND_SECONDS = 1.0
AT_ONCE = 50
"""Organizations that are replaced before requests have their turn: some 3 ms."""

Connection = psycopg.AsyncConnection[tuple[Any, ...]]


class Loader:
    """Loads entitlements, and again what has changed."""

    def __init__(
        self,
        entitlements: Entitlements,
        parameters: Mapping[str, Any],
        last_known: LastKnown | None = None,
        *,
        longest_age: float = inf,
    ) -> None:
        """`parameters` are those of `psycopg.connect`, of a direct connection: it listens.

        Without `last_known` a start needs the database. `longest_age` is in seconds.
        """
        self.entitlements = entitlements
        self.is_recalled = False
        """Whether the entitlements are those that were on disk."""
        self._parameters = parameters
        self._last_known = last_known
        self._longest_age = longest_age
        self._in_step_at = -inf
        self._fault = ""

    @property
    def is_away(self) -> bool:
        """Whether the database did not answer, or not as it should, when it was asked last."""
        return bool(self._fault)

    def age(self) -> float:
        """Return for how many seconds the entitlements may be outdated; infinite before a load.

        While the database answers, it is less than the interval of its heartbeat.
        """
        return monotonic() - self._in_step_at

    async def run(self) -> None:
        """Keep in step until cancelled. While the database is away, it is tried again and again."""
        may_recall = True
        while True:
            try:
                await self._keep_in_step()
            except (psycopg.Error, OSError, TimeoutError) as error:
                self._say(type(error).__name__)
            if may_recall and self.entitlements.loaded_at is None:
                await self._recall()
            may_recall = False
            await asyncio.sleep(RETRY_SECONDS)

    async def tend(self) -> None:
        """Keep on disk what is known, and forget what is too old, until cancelled."""
        while True:
            self.forget_outdated()
            await self.keep()
            await asyncio.sleep(TEND_SECONDS)

    def forget_outdated(self) -> None:
        """Serve nobody any more if nobody has confirmed the entitlements for too long."""
        if self.entitlements.loaded_at is not None and self.age() > self._longest_age:
            self.entitlements.loaded_at = None
            logger.error(
                "the database has not answered for %.0f seconds: the entitlements are forgotten",
                self.age(),
            )

    async def keep(self, *, at_once: bool = False) -> None:
        """Write what is known to the disk, if it is time to."""
        if self._last_known and self.entitlements.loaded_at is not None and not self.is_recalled:
            await self._last_known.keep(time() - self.age(), at_once=at_once)

    async def connect(self) -> Connection:
        """Return a new connection with the database."""
        is_first = self.entitlements.loaded_at is None
        async with asyncio.timeout(FIRST_ANSWER_SECONDS if is_first else ANSWER_SECONDS):
            return await psycopg.AsyncConnection.connect(**self._parameters, autocommit=True)

    async def _keep_in_step(self) -> None:
        async with await self.connect() as listening:
            # Before the first load: what changes meanwhile is said afterwards.
            with _answers_within(ANSWER_SECONDS, listening):
                await listening.execute(f"LISTEN {CHANNEL}")
            await self._load_everything(listening)
            self._say("")
            while True:
                changed = await self._changes(listening)
                await self.load(listening, changed)

    async def _changes(self, listening: Connection) -> set[str]:
        """Return what changed: primary keys of organizations; nothing after a heartbeat."""
        changed = {
            notice.payload
            async for notice in listening.notifies(timeout=HEARTBEAT_SECONDS, stop_after=1)
        }
        if changed:
            changed |= {
                notice.payload async for notice in listening.notifies(timeout=GATHER_SECONDS)
            }
        return changed

    async def load(self, listening: Connection, changed: set[str]) -> None:
        """Load what changed; without a change, only ask whether the database is there."""
        if EVERYTHING in changed or self.entitlements.loaded_at is None:
            await self._load_everything(listening)
        elif changed:
            await self._load_organizations(listening, sorted(map(int, changed)))
        else:
            with _answers_within(ANSWER_SECONDS, listening):
                await listening.execute("SELECT 1")
            self._in_step_at = monotonic()

    async def _load_everything(self, listening: Connection) -> None:
        started = monotonic()
        with _answers_within(STATEMENT_SECONDS, listening):
            snapshots = await _fetch(listening, rows.SNAPSHOTS, ())
        self.entitlements.replace_snapshots(rows.read_snapshots(snapshots))
        if self._last_known:
            self._last_known.replace(snapshots)
        await self._load_organizations(listening, None)
        self.entitlements.loaded_at = self._in_step_at
        self.is_recalled = False
        logger.info("loaded entitlements in %.0f ms", 1000 * (monotonic() - started))

    async def _load_organizations(self, listening: Connection, keys: list[int] | None) -> None:
        """Load these organizations, or all of them, as they are at one moment."""
        with _answers_within(STATEMENT_SECONDS, listening):
            async with listening.transaction():
                await listening.execute(
                    "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"
                )
                started = monotonic()
                results = [
                    await _fetch(
                        listening,
                        rows.statement(text, everything=keys is None),
                        () if keys is None else (keys,),
                    )
                    for text in rows.OF_ORGANIZATIONS
                ]
        loaded = rows.by_organization(results)
        asked = self.entitlements.organizations if keys is None else keys
        gone = [pk for pk in asked if pk not in loaded]
        await self._take(loaded, gone)
        if self._last_known:
            self._last_known.put(loaded, gone=gone)
        self._in_step_at = started

    async def _take(self, loaded: Mapping[int, OrganizationRows], gone: list[int]) -> None:
        """Replace what is known of organizations, one after the other; requests go on meanwhile."""
        entitlements = self.entitlements
        retirements = {
            snapshot.pk: snapshot.retires_on
            for snapshot in entitlements.snapshots
            if snapshot.retires_on
        }
        for number, (pk, of_organization) in enumerate(loaded.items()):
            if number % AT_ONCE == 0:
                await asyncio.sleep(0)
            entitlements.replace_organization(
                *rows.read_organization(pk, of_organization, retirements, entitlements.default_plan)
            )
        for pk in gone:
            entitlements.forget_organization(pk)

    async def _recall(self) -> None:
        """Begin with what was known last, unless there is nothing, or it is too old."""
        known = self._last_known.read() if self._last_known else None
        if known is None:
            return
        age = max(0.0, time() - known.until)
        if age > self._longest_age:
            logger.warning("the last known entitlements are ignored: they are %.0f s old", age)
            return
        self.entitlements.replace_snapshots(rows.read_snapshots(known.snapshots))
        await self._take(known.organizations, [])
        self.is_recalled = True
        self.entitlements.loaded_at = self._in_step_at = monotonic() - age
        logger.warning("began with the entitlements of %.0f s ago, which were on disk", age)

    def _say(self, fault: str) -> None:
        """Log that the database is away, and that it is back; each once."""
        if fault and fault != self._fault:
            # The text of an error can hold the address of the database. None names a key.
            logger.warning("the database does not answer: %s", fault)
        elif self._fault and not fault:
            logger.info("the database answers again")
        self._fault = fault


@contextmanager
def _answers_within(seconds: float, listening: Connection) -> Iterator[None]:
    """Cut the connection if the block takes longer, so that it raises psycopg.OperationalError.

    A cancellation would not do: psycopg waits for the answer of a server that hangs all the same.
    """
    cut = asyncio.get_running_loop().call_later(seconds, _cut, listening)
    try:
        yield
    finally:
        cut.cancel()


def _cut(listening: Connection) -> None:
    with (
        suppress(psycopg.Error, OSError),
        socket.socket(fileno=os.dup(listening.fileno())) as same,
    ):
        same.shutdown(socket.SHUT_RDWR)


async def _fetch(
    listening: Connection, statement: str, parameters: tuple[Any, ...]
) -> list[tuple[Any, ...]]:
    cursor = await listening.execute(statement.encode(), parameters or None)
    return await cursor.fetchall()


def connection_parameters() -> dict[str, Any]:
    """Return the parameters of `psycopg.connect` for the database of the settings."""
    parameters = connection.get_connection_params()
    for ours in ("cursor_factory", "context", "prepare_threshold"):
        parameters.pop(ours, None)
    return {**parameters, "keepalives_idle": 5, "tcp_user_timeout": 5_000}
