"""One call of the upstream for one request, from its first byte to what it used."""

import asyncio
import logging
from contextlib import suppress
from time import perf_counter

from pyreqwest.exceptions import PyreqwestError
from pyreqwest.response import Response

from capacity.gateway.admission import Decision, Tokens
from capacity.gateway.answering import Answer, HeaderList, Receive
from capacity.gateway.answers import read_answer, read_error
from capacity.gateway.bodies import ModelRequest
from capacity.gateway.errors import error_event
from capacity.gateway.metrics import Metrics
from capacity.gateway.streaming import EventStream
from capacity.gateway.upstream import BACK, Upstream, header, malformed, misconfigured, unreachable

logger = logging.getLogger(__name__)

LOOKS = 4
"""How often a stream is looked at in the time in which its client may take nothing of it."""


class ClientGone(Exception):
    """The client closed the connection before its answer was complete."""


class Call:
    """A request that was admitted, on its way to the upstream and back.

    `used` is what is known of the tokens that were used; None if nothing reached the model.
    """

    __slots__ = (
        *("_answer", "_asked", "_headers", "_metrics", "_path", "_started", "_tier"),
        *("_upstream", "_waits_since", "used"),
    )

    def __init__(
        self,
        path: str,
        asked: ModelRequest,
        headers: dict[bytes, bytes],
        decision: Decision,
        answer: Answer,
        upstream: Upstream,
        metrics: Metrics,
    ) -> None:
        self._path = path
        self._asked = asked
        self._headers = headers
        self._tier = decision.served.value
        self._answer = answer
        self._upstream = upstream
        self._metrics = metrics
        self._started = perf_counter()
        self._waits_since = 0.0
        """Since when the client takes nothing; 0 while nothing waits for it."""
        self.used: Tokens | None = None

    async def run(self, receive: Receive, *, stalled_seconds: float) -> None:
        """Pass the request and the answer through. Raises GatewayError, and ClientGone.

        A plain request runs to its end even if its client leaves: the upstream has all of it and
        works on it, and only its answer says what it used.
        """
        if self._asked.is_stream:
            await self._watched(receive, stalled_seconds)
        else:
            await self._plain()

    async def _plain(self) -> None:
        request = self._upstream.plain(
            self._path, self._asked.body, self._headers, self._answer.request_id
        )
        try:
            response = await request.send()
        except PyreqwestError as error:
            raise self._broken(error) from None
        await self._whole(response)

    async def _watched(self, receive: Receive, stalled_seconds: float) -> None:
        """Pass a stream through until it ends, or its client leaves or takes nothing any more."""
        self._metrics.open_streams += 1
        stream = asyncio.create_task(self._streamed())
        gone = asyncio.create_task(_until_gone(receive))
        try:
            while not stream.done():
                await asyncio.wait(
                    (stream, gone),
                    timeout=stalled_seconds / LOOKS,
                    return_when=asyncio.FIRST_COMPLETED,
                )
                if gone.done() or self._has_stalled(stalled_seconds):
                    break
        finally:
            self._metrics.open_streams -= 1
            for task in (stream, gone):
                task.cancel()
            await asyncio.wait((stream, gone))
        if stream.cancelled():
            raise ClientGone
        await stream

    def _has_stalled(self, seconds: float) -> bool:
        return self._waits_since > 0 and perf_counter() - self._waits_since > seconds

    async def _streamed(self) -> None:
        request = self._upstream.streamed(
            self._path, self._asked.body, self._headers, self._answer.request_id
        )
        self.used = Tokens(input=self._asked.prompt_tokens)  # Until it says more.
        try:
            async with request as response:
                if not _is_event_stream(response):
                    self.used = None
                    await self._whole(response)
                    return
                self._answered(response)
                await self._events(response)
        except PyreqwestError as error:
            if not self._answer.is_started:
                self.used = None
            raise self._broken(error) from None

    async def _events(self, response: Response) -> None:
        events = EventStream(tier=self._tier, hides_usage=self._asked.hides_usage)
        await self._answer.start(
            response.status, b"text/event-stream; charset=utf-8", headers_back(response)
        )
        reader = response.body_reader
        try:
            while (chunk := await reader.read_chunk()) is not None:
                if data := events.feed(chunk.to_bytes()):
                    self._waits_since = perf_counter()
                    await self._answer.chunk(data)
                    self._waits_since = 0.0
            await self._answer.end(events.end())
        except PyreqwestError as error:
            self._broken(error)
            await self._answer.end(
                error_event("The upstream broke off its answer.", code="upstream_broke_off")
            )
        finally:
            self.used = events.usage or Tokens(
                input=self._asked.prompt_tokens, output=events.counted_tokens
            )

    async def _whole(self, response: Response) -> None:
        """Pass on an answer that is no stream: the upstream's JSON, or its error."""
        try:
            body = (await response.bytes()).to_bytes()
        except PyreqwestError as error:
            raise self._broken(error) from None
        self._answered(response)
        if response.status in {401, 407} or response.status < 200 or 300 <= response.status < 400:
            logger.error("the upstream answered %d to %s", response.status, self._answer.request_id)
            raise misconfigured(response.status)
        if response.status >= 400:
            await self._answer.whole(response.status, read_error(body), headers_back(response))
            return
        body, used = read_answer(body, self._tier, estimate=self._asked.prompt_tokens)
        if used is None:
            logger.error("the upstream's answer to %s is no JSON", self._answer.request_id)
            raise malformed()
        self.used = used
        await self._answer.whole(response.status, body, headers_back(response))

    def _answered(self, response: Response) -> None:
        self._metrics.answered(response.status, perf_counter() - self._started)

    def _broken(self, error: PyreqwestError) -> Exception:
        self._metrics.answers[0] += 1
        logger.warning("the upstream failed %s: %s", self._answer.request_id, error.message)
        return unreachable(error)


async def _until_gone(receive: Receive) -> None:
    with suppress(asyncio.CancelledError):
        while (await receive())["type"] != "http.disconnect":
            pass


def _is_event_stream(response: Response) -> bool:
    content_type = header(response, "content-type") or ""
    return response.status == 200 and content_type.startswith("text/event-stream")


def headers_back(response: Response) -> HeaderList:
    """Return the headers of the upstream that the client gets too."""
    return [
        (name.encode(), value.encode())
        for name in BACK
        if (value := header(response, name)) is not None
    ]
