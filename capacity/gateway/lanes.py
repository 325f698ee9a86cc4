"""One way to Valkey for many requests: what comes while a batch is under way is the next batch.

So a busy gateway needs few round trips, an idle one waits for nobody, and no request that is cut
leaves an answer behind that another request reads.
"""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha1
from pathlib import Path
from time import monotonic
from typing import Any

import hiredis
from redis.asyncio import Redis, RedisCluster
from redis.asyncio.connection import AbstractConnection
from redis.exceptions import NoScriptError, RedisError, ResponseError

from capacity.gateway.valkey import AsyncValkey

logger = logging.getLogger(__name__)

LARGEST_BATCH = 200
PAUSE_SECONDS = 1.0
"""For how long Valkey is not asked again after it did not answer, so that no request waits."""


class ValkeyAway(Exception):
    """Valkey does not answer, or did not a moment ago."""


@dataclass(frozen=True, slots=True)
class Script:
    """A script, by its text."""

    text: str
    digest: str

    @classmethod
    def read(cls, name: str) -> "Script":
        """Return a script of the folder `scripts`."""
        text = (Path(__file__).parent / "scripts" / f"{name}.lua").read_text()
        return cls(text, sha1(text.encode(), usedforsecurity=False).hexdigest())


@dataclass(slots=True)
class _Call:
    script: Script
    keys: int
    rest: Sequence[Any]
    answer: "asyncio.Future[Any]"


class Lane:
    """Calls scripts in Valkey, all that wait together in one round trip."""

    def __init__(self, valkey: AsyncValkey) -> None:
        self.valkey = valkey
        self._waiting: list[_Call] = []
        self._sender: asyncio.Task[None] | None = None
        self._connection: AbstractConnection | None = None
        self._away_until = 0.0

    @property
    def is_away(self) -> bool:
        """Return whether Valkey did not answer a moment ago."""
        return monotonic() < self._away_until

    def call(
        self, script: Script, keys: Sequence[str], arguments: Sequence[Any]
    ) -> "asyncio.Future[Any]":
        """Return the answer of a script, to be awaited. It raises ValkeyAway.

        A script whose answer was lost may have run, so it must bear being repeated.
        """
        answer = asyncio.get_running_loop().create_future()
        if self.is_away:
            answer.set_exception(ValkeyAway())
            return answer
        self._waiting.append(_Call(script, len(keys), (*keys, *arguments), answer))
        if self._sender is None:
            self._sender = asyncio.create_task(self._send_all())
        return answer

    async def _send_all(self) -> None:
        try:
            while batch := self._waiting[:LARGEST_BATCH]:
                del self._waiting[:LARGEST_BATCH]
                await self._send(batch)
        finally:
            self._sender = None

    async def _send(self, batch: list[_Call]) -> None:
        try:
            answers = await self._ask(batch)
        except (RedisError, OSError, TimeoutError) as error:
            self._away_until = monotonic() + PAUSE_SECONDS
            logger.warning("Valkey does not answer: %s", type(error).__name__)
        else:
            for call, answer in zip(batch, answers, strict=True):
                _give(call, answer)
        finally:
            for call in batch:
                _give(call, ValkeyAway())

    async def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            await self._connection.disconnect(nowait=True)

    async def _ask(self, batch: list[_Call]) -> list[Any]:
        """Return the answers. A script that Valkey does not know any more is sent as text."""
        answers = await self._execute("EVALSHA", batch)
        unknown = [n for n, answer in enumerate(answers) if isinstance(answer, NoScriptError)]
        if unknown:
            again = await self._execute("EVAL", [batch[n] for n in unknown])
            for n, answer in zip(unknown, again, strict=True):
                answers[n] = answer
        return answers

    async def _execute(self, command: str, batch: list[_Call]) -> list[Any]:
        by_digest = command == "EVALSHA"
        commands = [
            (command, call.script.digest if by_digest else call.script.text, call.keys, *call.rest)
            for call in batch
        ]
        if isinstance(self.valkey, RedisCluster):
            pipeline = self.valkey.pipeline(transaction=False)
            for arguments in commands:
                pipeline.execute_command(*arguments)
            return await pipeline.execute(raise_on_error=False)
        return await self._execute_on_connection(commands)

    async def _execute_on_connection(self, commands: Sequence[tuple[Any, ...]]) -> list[Any]:
        """Send commands as hiredis packs them: the client itself packs in Python, far slower."""
        assert isinstance(self.valkey, Redis)
        if self._connection is None:
            pool: Any = self.valkey.connection_pool
            self._connection = await pool.get_connection()
        connection = self._connection
        try:
            packed = b"".join(hiredis.pack_command(command) for command in commands)
            await connection.send_packed_command(packed, check_health=False)
            return [await _answer(connection) for _ in commands]
        except BaseException:
            # Answers that nobody read must not be read as those of the next batch.
            await connection.disconnect(nowait=True)
            raise


def _give(call: _Call, answer: Any) -> None:
    """Give the caller its answer, unless it has one or does not wait any more."""
    if call.answer.done():
        return
    if isinstance(answer, Exception):
        call.answer.set_exception(answer)
    else:
        call.answer.set_result(answer)


async def _answer(connection: AbstractConnection) -> Any:
    try:
        return await connection.read_response()
    except ResponseError as error:
        return error
