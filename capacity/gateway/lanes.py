"""Ways to Valkey that many requests share: what comes while a batch is under way is the next batch.

So a busy gateway needs few round trips, an idle one waits for nobody, and no request that is cut
leaves an answer behind that another request reads. There is one lane to each server: in a cluster,
a node that does not answer holds up its own shards alone.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha1
from pathlib import Path
from time import monotonic
from typing import Any

import hiredis
from redis.asyncio import RedisCluster
from redis.asyncio.connection import AbstractConnection
from redis.exceptions import (
    AskError,
    ClusterDownError,
    MasterDownError,
    MovedError,
    NoScriptError,
    ReadOnlyError,
    RedisError,
    ResponseError,
    TryAgainError,
)

from capacity.gateway.valkey import ALL_SHARDS, AsyncValkey, Shard

logger = logging.getLogger(__name__)

LARGEST_BATCH = 200
PAUSE_SECONDS = 1.0
"""For how long a server is not asked again after it did not answer, so that no request waits."""
MOST_MOVES = 3
"""How often a call follows its slot to another node."""
NOT_SERVED = (AskError, ClusterDownError, MasterDownError, TryAgainError)
"""The cluster is changing: at this moment no node serves the slot."""

Address = tuple[str, int]


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
    shard: Shard
    script: Script
    packed: bytes
    answer: "asyncio.Future[Any]"
    moves: int = 0

    def give(self, answer: Any) -> None:
        """Give the caller its answer, unless it has one or does not wait any more."""
        if self.answer.done():
            return
        if isinstance(answer, Exception):
            self.answer.set_exception(answer)
        else:
            self.answer.set_result(answer)


class Lanes:
    """The lanes to the servers. In a cluster whoever lacks a shard says which node has it."""

    def __init__(self, valkey: AsyncValkey) -> None:
        if isinstance(valkey, RedisCluster):
            server: Any = valkey.startup_nodes[0]
        else:
            server = valkey.connection_pool
        self._class: Callable[..., AbstractConnection] = server.connection_class
        self._options: dict[str, Any] = server.connection_kwargs
        first = Lane(self, lambda: self._class(**self._options))
        self._by_address: dict[Address, Lane] = {
            (self._options.get("host", ""), self._options.get("port", 0)): first
        }
        self._of_shard = dict.fromkeys(ALL_SHARDS, first)

    def call(
        self, shard: Shard, script: Script, keys: Sequence[str], arguments: Sequence[Any]
    ) -> "asyncio.Future[Any]":
        """Return the answer of a script, to be awaited. It raises ValkeyAway.

        A script whose answer was lost may have run, so it must bear being repeated. Raises
        TypeError at once for an argument that is neither text nor bytes nor a number.
        """
        # The client itself packs commands in Python, which takes far longer than hiredis.
        packed = hiredis.pack_command(("EVALSHA", script.digest, len(keys), *keys, *arguments))
        answer = asyncio.get_running_loop().create_future()
        self._of_shard[shard].send(_Call(shard, script, packed, answer))
        return answer

    async def close(self) -> None:
        """Close the connections."""
        for lane in self._by_address.values():
            await lane.close()

    def follow(self, call: _Call, moved: MovedError) -> None:
        """Send a call to the node that has its shard now."""
        address = (moved.host, moved.port)
        lane = self._by_address.get(address)
        if lane is None:
            options = {**self._options, "host": moved.host, "port": moved.port}
            lane = self._by_address[address] = Lane(self, lambda: self._class(**options))
        self._of_shard[call.shard] = lane
        call.moves += 1
        lane.send(call)

    def leave(self, lost: "Lane") -> None:
        """Ask another node for the shards of one that does not answer: they may have moved."""
        others = [lane for lane in self._by_address.values() if not lane.is_away]
        for shard, lane in self._of_shard.items():
            if lane is lost and others:
                self._of_shard[shard] = others[0]


class Lane:
    """Calls scripts on one server, all that wait together in one round trip."""

    def __init__(self, lanes: Lanes, connect: Callable[[], AbstractConnection]) -> None:
        self._lanes = lanes
        self._connection = connect()
        self._waiting: list[_Call] = []
        self._sender: asyncio.Task[None] | None = None
        self._away_until = 0.0

    @property
    def is_away(self) -> bool:
        """Return whether the server did not answer a moment ago."""
        return monotonic() < self._away_until

    def send(self, call: _Call) -> None:
        """Send a call with the next batch."""
        if self.is_away:
            call.give(ValkeyAway())
            return
        self._waiting.append(call)
        if self._sender is None:
            self._sender = asyncio.create_task(self._send_all())

    async def close(self) -> None:
        """Close the connection."""
        await self._connection.disconnect(nowait=True)

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
            self._lanes.leave(self)
            logger.warning("Valkey does not answer: %s", type(error).__name__)
            answers = [ValkeyAway()] * len(batch)
        except BaseException:
            for call in batch:
                call.give(ValkeyAway())
            raise
        for call, answer in zip(batch, answers, strict=True):
            if isinstance(answer, MovedError) and call.moves < MOST_MOVES:
                self._lanes.follow(call, answer)
            else:
                call.give(ValkeyAway() if isinstance(answer, NOT_SERVED) else answer)

    async def _ask(self, batch: list[_Call]) -> list[Any]:
        """Return the answers. Scripts that Valkey does not know any more are loaded."""
        answers = await self._execute([call.packed for call in batch])
        unknown = [n for n, answer in enumerate(answers) if isinstance(answer, NoScriptError)]
        if unknown:
            scripts = {batch[n].script.text for n in unknown}
            loads = [
                b"".join(self._connection.pack_command("SCRIPT", "LOAD", text)) for text in scripts
            ]
            again = await self._execute([*loads, *(batch[n].packed for n in unknown)])
            for n, answer in zip(unknown, again[len(loads) :], strict=True):
                answers[n] = answer
        return answers

    async def _execute(self, commands: Sequence[bytes]) -> list[Any]:
        try:
            await self._connection.send_packed_command(b"".join(commands), check_health=False)
            return [await self._answer() for _ in commands]
        except BaseException:
            # Answers that nobody read must not be read as those of the next batch.
            await self._connection.disconnect(nowait=True)
            raise

    async def _answer(self) -> Any:
        """Return what the server answers; an error is an answer, but not of a mere replica."""
        try:
            return await self._connection.read_response()
        except ReadOnlyError:
            raise
        except ResponseError as error:
            return error
