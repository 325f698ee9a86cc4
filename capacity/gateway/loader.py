"""Keeps the entitlements in memory in step with the database, which says itself what changed.

While the database is away the gateway goes on with what it knows; `age` says for how long.
"""

import asyncio
import logging
from collections.abc import Mapping
from math import inf
from time import monotonic
from typing import Any

import psycopg
from django.db import connection

from capacity.gateway import rows
from capacity.gateway.entitlements import Entitlements
from common.change_notices import CHANNEL, EVERYTHING

logger = logging.getLogger(__name__)

HEARTBEAT_SECONDS = 1.0
"""How often the database is asked whether it is there, when it says nothing."""
ANSWER_SECONDS = 5.0
"""After which a database that does not answer counts as away."""
STATEMENT_SECONDS = 60.0
"""The same for a statement that reads all organizations."""
GATHER_SECONDS = 0.05
"""For how long changes are gathered before they are loaded together."""
RETRY_SECONDS = 0.5

Connection = psycopg.AsyncConnection[tuple[Any, ...]]


class Loader:
    """Loads entitlements, and again what has changed."""

    def __init__(self, entitlements: Entitlements, parameters: Mapping[str, Any]) -> None:
        """`parameters` are those of `psycopg.connect`, of a direct connection: it listens."""
        self.entitlements = entitlements
        self._parameters = parameters
        self._in_step_at = -inf

    def age(self) -> float:
        """Return for how many seconds the entitlements may be outdated; infinite before a load.

        While the database answers, it is less than the interval of its heartbeat.
        """
        return monotonic() - self._in_step_at

    async def run(self) -> None:
        """Keep in step until cancelled. While the database is away, it is tried again and again."""
        while True:
            try:
                await self._keep_in_step()
            except (psycopg.Error, OSError, TimeoutError) as error:
                # Its text can hold the address of the database, and names no key.
                logger.warning("the database does not answer: %s", type(error).__name__)
            await asyncio.sleep(RETRY_SECONDS)

    async def connect(self) -> Connection:
        """Return a new connection with the database."""
        async with asyncio.timeout(ANSWER_SECONDS):
            return await psycopg.AsyncConnection.connect(**self._parameters, autocommit=True)

    async def _keep_in_step(self) -> None:
        async with await self.connect() as listening:
            # Before the first load: what changes meanwhile is said afterwards.
            await listening.execute(f"LISTEN {CHANNEL}")
            await self._load_everything(listening)
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
        if EVERYTHING in changed:
            await self._load_everything(listening)
        elif changed:
            await self._load_organizations(listening, sorted(map(int, changed)))
        else:
            async with asyncio.timeout(ANSWER_SECONDS):
                await listening.execute("SELECT 1")
            self._in_step_at = monotonic()

    async def _load_everything(self, listening: Connection) -> None:
        started = monotonic()
        snapshots = rows.read_snapshots(await _fetch(listening, rows.SNAPSHOTS, ()))
        self.entitlements.replace_snapshots(snapshots)
        await self._load_organizations(listening, None)
        self.entitlements.loaded_at = self._in_step_at
        logger.info("loaded entitlements in %.0f ms", 1000 * (monotonic() - started))

    async def _load_organizations(self, listening: Connection, keys: list[int] | None) -> None:
        """Load these organizations, or all of them, as they are at one moment."""
        entitlements = self.entitlements
        async with listening.transaction():
            await listening.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            started = monotonic()
            results = [
                await _fetch(
                    listening,
                    rows.statement(text, everything=keys is None),
                    () if keys is None else (keys,),
                )
                for text in rows.OF_ORGANIZATIONS
            ]
        retirements = {
            snapshot.pk: snapshot.retires_on
            for snapshot in entitlements.snapshots
            if snapshot.retires_on
        }
        loaded = rows.read_organizations(results, retirements, entitlements.default_plan)
        for organization, of_organization in loaded:
            entitlements.replace_organization(organization, of_organization)
        self._in_step_at = started


async def _fetch(
    listening: Connection, statement: str, parameters: tuple[Any, ...]
) -> list[tuple[Any, ...]]:
    async with asyncio.timeout(STATEMENT_SECONDS):
        cursor = await listening.execute(statement.encode(), parameters or None)
        return await cursor.fetchall()


def connection_parameters() -> dict[str, Any]:
    """Return the parameters of `psycopg.connect` for the database of the settings."""
    parameters = connection.get_connection_params()
    for ours in ("cursor_factory", "context", "prepare_threshold"):
        parameters.pop(ours, None)
    return {**parameters, "keepalives_idle": 5, "tcp_user_timeout": 5_000}
