"""One process of the gateway: what it needs starts and stops with the server (ASGI lifespan)."""

import asyncio
import gc
import logging
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import orjson
from redis.exceptions import RedisError

from capacity.gateway.admission import Admission
from capacity.gateway.answering import Receive, Scope, Send
from capacity.gateway.app import Gateway
from capacity.gateway.loader import Loader
from capacity.gateway.metrics import CONTENT_TYPE, Publisher
from capacity.gateway.valkey import ALL_SHARDS

logger = logging.getLogger(__name__)

OUTDATED_SECONDS = 10
"""Entitlements that are older count as degraded: a change may not have been seen."""
PUBLISH_SECONDS = 1.0


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
        if scope["type"] != "http" or parts is None:
            raise ValueError(f"{scope['type']} is not served")
        answer = self._operators.get(scope["path"])
        if answer is not None and scope["method"] in {"GET", "HEAD"}:
            await answer(parts, send)
        else:
            await parts.gateway(scope, receive, send)

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()  # lifespan.startup
        self._parts = parts = self._start()
        tasks = [
            asyncio.create_task(_forever(work))
            for work in (parts.loader.run, parts.admission.run, lambda: _publish(parts))
        ]
        gc.collect()
        gc.freeze()  # What is loaded stays: the collector need not look at it again.
        await send({"type": "lifespan.startup.complete"})
        await receive()  # lifespan.shutdown: the server takes no further request.
        await _let_requests_end(parts)
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        await parts.admission.close()
        await parts.gateway.upstream.close()
        await parts.admission.valkey.aclose()
        parts.publisher.publish()
        await send({"type": "lifespan.shutdown.complete"})


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


async def _let_requests_end(parts: Parts) -> None:
    """Wait until every request is settled, but no longer than the server is given to stop."""
    metrics = parts.gateway.metrics
    deadline = asyncio.get_running_loop().time() + parts.stop_seconds
    while metrics.open_requests and asyncio.get_running_loop().time() < deadline:  # noqa: ASYNC110 - once
        await asyncio.sleep(0.05)
    if metrics.open_requests:
        logger.warning("%d requests did not end in time", metrics.open_requests)


async def _healthz(_parts: Parts, send: Send) -> None:
    await _answer(send, HTTPStatus.OK, "text/plain", b"ok")


async def _readyz(parts: Parts, send: Send) -> None:
    """Answer 200 once the entitlements were loaded; `degraded` says what it does without."""
    missing = (
        [] if parts.gateway.entitlements.loaded_at is not None else ["Entitlements are not loaded."]
    )
    degraded = []
    if not missing and parts.loader.age() > OUTDATED_SECONDS:
        degraded.append("The database does not answer: changes of entitlements are not seen.")
    if not await _valkey_answers(parts.admission):
        degraded.append("Valkey does not answer: capacity is not applied, and nothing is counted.")
    body = orjson.dumps({"ready": not missing, "missing": missing, "degraded": degraded})
    status = HTTPStatus.SERVICE_UNAVAILABLE if missing else HTTPStatus.OK
    await _answer(send, status, "application/json", body)


async def _metrics(parts: Parts, send: Send) -> None:
    _set_gauges(parts)
    with suppress(RedisError, OSError):
        waiting = [await parts.admission.valkey.xlen(shard.stream) for shard in ALL_SHARDS]
        parts.publisher.metering_lag.set(sum(waiting) + parts.admission.unsent)
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
