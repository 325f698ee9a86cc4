"""The answer to one request, as ASGI messages."""

from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any

import orjson

from capacity.gateway.admission import Decision, Served
from capacity.gateway.errors import GatewayError
from capacity.usage.domain.coverage import COMBINED, INPUT, OUTPUT

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
HeaderList = list[tuple[bytes, bytes]]

JSON = b"application/json"
COMMON: HeaderList = [(b"cache-control", b"no-store"), (b"x-content-type-options", b"nosniff")]
LIMIT_HEADERS = {
    kind: (b"x-pt-limit-%b-tokens" % kind.encode(), b"x-pt-remaining-%b-tokens" % kind.encode())
    for kind in (INPUT, OUTPUT, COMBINED)
}


class Answer:
    """Sends one answer. `headers` go with it, whatever it will be."""

    def __init__(self, send: Send, request_id: str) -> None:
        self._send = send
        self.request_id = request_id
        self.headers: HeaderList = [(b"x-request-id", request_id.encode())]
        self.is_started = False

    async def start(self, status: int, content_type: bytes, more: HeaderList) -> None:
        """Send the head; `chunk` and `end` follow."""
        self.is_started = True
        headers = [(b"content-type", content_type), *COMMON, *self.headers, *more]
        await self._send({"type": "http.response.start", "status": status, "headers": headers})

    async def chunk(self, data: bytes) -> None:
        """Send a part of the body. Waits while the client takes nothing."""
        await self._send({"type": "http.response.body", "body": data, "more_body": True})

    async def end(self, data: bytes = b"") -> None:
        """Send the last part of the body."""
        await self._send({"type": "http.response.body", "body": data, "more_body": False})

    async def whole(self, status: int, body: bytes, more: HeaderList) -> None:
        """Send a JSON answer at once."""
        self.is_started = True
        headers = [(b"content-type", JSON), *COMMON, *self.headers, *more]
        await self._send({"type": "http.response.start", "status": status, "headers": headers})
        await self._send({"type": "http.response.body", "body": body, "more_body": False})

    async def document(self, document: dict[str, Any]) -> None:
        await self.whole(HTTPStatus.OK, orjson.dumps(document), [])

    async def refuse(self, refusal: GatewayError) -> None:
        """Send an error of the gateway's own; a stream that has begun ends with it as an event."""
        if self.is_started:
            await self.end(refusal.event)
            return
        headers = [
            (name.encode(), value.encode("latin-1")) for name, value in refusal.headers.items()
        ]
        await self.whole(refusal.status, refusal.body, headers)


def decision_headers(decision: Decision) -> HeaderList:
    """Return the `x-pt-…` headers of a decision."""
    headers: HeaderList = []
    if (served := decision.served) is not Served.REFUSED:
        headers.append((b"x-pt-served", served.encode()))
    if (pool := decision.pool) is not None:
        headers.append((b"x-pt-id", pool.encode()))
    if (reason := decision.reason) is not None:
        headers.append((b"x-pt-reason", reason.encode()))
    limits = decision.limits
    for kind, limit, remaining in limits:
        limit_header, remaining_header = LIMIT_HEADERS[kind]
        headers.append((limit_header, b"%d" % limit))
        headers.append((remaining_header, b"%d" % remaining))
    if limits:
        headers.append((b"x-pt-reset", b"%d" % decision.resets_in))
    return headers
