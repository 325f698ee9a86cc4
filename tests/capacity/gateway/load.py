"""Hundreds of requests at once, for far more than a small allowance."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

import aiohttp
import orjson

from tests.capacity.gateway.processes import COMPLETIONS
from tests.cast import GROK

CONNECTIONS, LIMIT = 150, 1_000


@dataclass(frozen=True, slots=True)
class Wish:
    """A request of the load: most are answered at once with nearly all that they reserve."""

    number: int

    @property
    def is_stream(self) -> bool:
        return self.number % 4 == 0

    @property
    def declines(self) -> bool:
        return self.number % 30 == 0

    @property
    def tokens(self) -> int:
        return 60 if self.is_stream else 900

    async def ask(self, session: aiohttp.ClientSession) -> Mapping[str, str]:
        """Send it, and read its answer to the end. Returns the headers."""
        message = {"role": "user", "content": f"[[tokens {self.tokens}]]"}
        body = {"model": GROK, "stream": self.is_stream, "max_tokens": LIMIT}
        headers = {"x-pt-disable": "true"} if self.declines else {}
        async with session.post(
            COMPLETIONS, json={**body, "messages": [message]}, headers=headers
        ) as answer:
            assert answer.status == 200
            content = await answer.read()
            assert not self.is_stream or content.endswith(b"[DONE]\n\n")
            return answer.headers


WISHES = [Wish(number) for number in range(300)]
"""Those that do not decline capacity want 8 % more output tokens than one unit allows."""


async def ask_at_once(port: int, secret: str) -> list[Mapping[str, str]]:
    async with _session(port, secret) as session:
        return await asyncio.gather(*(wish.ask(session) for wish in WISHES))


async def keep_busy(port: int, secret: str) -> None:
    """Send large requests that are read and refused: much work for the gateway alone."""
    body = orjson.dumps({"model": "none", "input": [1] * 100_000})

    async def ask() -> None:
        async with session.post("/v1/embeddings", data=body) as answer:
            assert answer.status == 404

    async with _session(port, secret) as session:
        await asyncio.gather(*(ask() for _ in range(CONNECTIONS)))


def _session(port: int, secret: str) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        f"http://127.0.0.1:{port}",
        connector=aiohttp.TCPConnector(limit=CONNECTIONS),
        headers={"authorization": f"Bearer {secret}"},
    )
