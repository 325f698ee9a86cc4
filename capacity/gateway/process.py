"""One process of the gateway: what it needs starts and stops with the server (ASGI lifespan)."""

import asyncio
import gc
import logging
import signal
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from types import FrameType
from typing import Any, cast

import orjson
from redis.exceptions import RedisError

from capacity.gateway import threads
from capacity.gateway.admission import Admission
from capacity.gateway.answering import Receive, Scope, Send
from capacity.gateway.app import Gateway
from capacity.gateway.errors import stopping
from capacity.gateway.loader import Loader
from capacity.gateway.metrics import CONTENT_TYPE, Publisher
from capacity.gateway.valkey import ALL_SHARDS

logger = logging.getLogger(__name__)

OUTDATED_SECONDS = 10
"""Entitlements that are older count as degraded: a change may not have been seen."""
PUBLISH_SECONDS = 1.0
BREAK_OFF_SECONDS = 4.0
"""How long requests that are broken off may take to settle, and to tell their clients."""
TASKS_SECONDS = 1.0
"""How long tasks may take to end. One that asks a database which hangs does not."""


@dataclass(slots=True)
class Parts:
    """What a process runs on. Made in its event loop."""

    gateway: Gateway
    loader: Loader
    admission: Admission
    publisher: Publisher
    stop_seconds: float


class Process:
    """The ASGI application that the server runs: the gateway, and what its operators ask."""

    def __init__(self, start: Callable[[], Parts]) -> None:
        self._start = start
        self._parts: Parts | None = None
        self._open: set[asyncio.Task[None]] = set()
        """The tasks of requests that are open."""
        self._operators: dict[str, Callable[[Parts, Send], Awaitable[None]]] = {
            "/healthz": _healthz,
            "/readyz": _readyz,
            "/metrics": _metrics,
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        parts = self._parts
        if scope["type"] != "http":
            raise ValueError(f"{scope['type']} is not served")
        if parts is None:
            await _answer(send, stopping().status, "application/json", stopping().body)
            return
        answer = self._operators.get(scope["path"])
        if answer is not None and scope["method"] in {"GET", "HEAD"}:
            await answer(parts, send)
            return
        task = cast("asyncio.Task[None]", asyncio.current_task())
        self._open.add(task)
        try:
            await parts.gateway(scope, receive, send)
        finally:
            self._open.discard(task)

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()  # lifespan.startup
        self._parts = parts = self._start()
        tasks = [
            asyncio.create_task(_forever(work))
            for work in (
                *(parts.loader.run, parts.loader.tend, parts.admission.run),
                *((threads.keep_together,) if threads.can_be_placed() else ()),
                lambda: _publish(parts),
            )
        ]
        told, closed = asyncio.Event(), asyncio.Event()
        _when_told_to_stop(told.set)
        end = asyncio.create_task(self._end(parts, tasks, told, closed))
        gc.collect()
        gc.freeze()  # What is loaded stays: the collector need not look at it again.
        await send({"type": "lifespan.startup.complete"})
        await receive()  # lifespan.shutdown: every connection is closed.
        told.set()
        closed.set()
        await end
        await send({"type": "lifespan.shutdown.complete"})

    async def _end(
        self,
        parts: Parts,
        tasks: "list[asyncio.Task[None]]",
        told: asyncio.Event,
        closed: asyncio.Event,
    ) -> None:
        """Let requests end once the process is told to stop, and hand over what they used.

        It does not wait for the server, which comes to its own end only when no connection is open:
        one client that takes nothing would keep everything from being metered.
        """
        await told.wait()
        await self._let_requests_end(parts.stop_seconds, closed)
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks, timeout=TASKS_SECONDS)
        await parts.admission.close()
        await parts.loader.keep(at_once=True)
        await parts.gateway.upstream.close()
        await parts.admission.valkey.aclose()
        parts.publisher.publish()

    async def _let_requests_end(self, seconds: float, closed: asyncio.Event) -> None:
        """Wait until no request is open, and break off those that take longer.

        Those are settled with what they have used so far, and their clients are told.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await closed.wait()  # Until then another request may come on a connection.
                while self._open:
                    await asyncio.wait(tuple(self._open))
        self._parts = None  # Whoever comes now is refused.
        if self._open:
            logger.warning("%d requests did not end in time, and are broken off", len(self._open))
            for task in self._open:
                task.cancel()
            await asyncio.wait(tuple(self._open), timeout=BREAK_OFF_SECONDS)


def _when_told_to_stop(tell: Callable[[], None]) -> None:
    """Call something at SIGINT and SIGTERM, besides what the server does then."""
    loop = asyncio.get_running_loop()

    def handle(signum: int, frame: FrameType | None) -> None:
        before = servers[signal.Signals(signum)]
        if callable(before):
            before(signum, frame)
        loop.call_soon_threadsafe(tell)

    servers = {signum: signal.getsignal(signum) for signum in (signal.SIGINT, signal.SIGTERM)}
    for signum in servers:
        signal.signal(signum, handle)


async def _forever(work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run something that never ends. Should it fail, it is started again a second later."""
    while True:
        try:
            await work()
        except Exception:
            logger.exception("a task of the gateway failed")
        await asyncio.sleep(1)


async def _publish(parts: Parts) -> None:
    while True:
        _set_gauges(parts)
        parts.publisher.publish()
        await asyncio.sleep(PUBLISH_SECONDS)


def _set_gauges(parts: Parts) -> None:
    age = parts.loader.age()
    parts.publisher.entitlements_age.set(min(age, 10**9))


async def _healthz(_parts: Parts, send: Send) -> None:
    await _answer(send, HTTPStatus.OK, "text/plain", b"ok")


async def _readyz(parts: Parts, send: Send) -> None:
    """Answer 200 while entitlements are known; `degraded` says what it does without."""
    loader, missing, degraded = parts.loader, [], []
    if parts.gateway.entitlements.loaded_at is None:
        reason = ": the database does not answer" if loader.is_away else ""
        missing.append(f"Entitlements are not loaded{reason}.")
    elif loader.is_away or loader.age() > OUTDATED_SECONDS:
        source = ", read from the disk when the gateway started" if loader.is_recalled else ""
        degraded.append(
            "The database does not answer: entitlements are those of"
            f" {loader.age():,.0f} seconds ago{source}."
        )
    if not await _valkey_answers(parts.admission):
        degraded.append("Valkey does not answer: capacity is not applied, and nothing is counted.")
    body = orjson.dumps({"ready": not missing, "missing": missing, "degraded": degraded})
    status = HTTPStatus.SERVICE_UNAVAILABLE if missing else HTTPStatus.OK
    await _answer(send, status, "application/json", body)


async def _metrics(parts: Parts, send: Send) -> None:
    _set_gauges(parts)
    with suppress(RedisError, OSError):
        waiting = [await parts.admission.valkey.xlen(shard.stream) for shard in ALL_SHARDS]
        unread = [await parts.admission.valkey.xlen(shard.unread) for shard in ALL_SHARDS]
        parts.publisher.metering_lag.set(sum(waiting) + parts.admission.unsent)
        parts.publisher.unread.set(sum(unread))
    await _answer(send, HTTPStatus.OK, CONTENT_TYPE, parts.publisher.text())


async def _valkey_answers(admission: Admission) -> bool:
    try:
        await admission.valkey.ping()
    except (RedisError, OSError):
        return False
    return True


async def _answer(send: Send, status: int, content_type: str, body: bytes) -> None:
    headers = [(b"content-type", content_type.encode()), (b"cache-control", b"no-store")]
    await send({"type": "http.response.start", "status": int(status), "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})
