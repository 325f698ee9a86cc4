"""Ends requests that are too large or too slow before the product gets them.

Whoever sends a request byte by byte keeps a connection, but no thread, and not for long. What is
refused here gets a problem document under `/api/`, and one line of text elsewhere.
"""

import asyncio
import json
import logging
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus

from common.api.parsers import MAX_BYTES
from common.api.problems import MEDIA_TYPE
from common.errors import problem_document
from scaletier.threaded_handler import Application, Message, Receive, Scope, Send

logger = logging.getLogger(__name__)

MAX_URL_BYTES = 8 * 1024
MAX_HEADER_BYTES = 32 * 1024
MAX_BODY_BYTES = MAX_BYTES  # A call with 10,000 usage events has room in it.
MAX_DISCARDED_BYTES, DISCARD_SECONDS = 5 * MAX_BODY_BYTES, 5.0
MAX_BODY_BYTES_OF: Mapping[str, int] = {"/webhooks/stripe": 1024 * 1024}
"""Paths that anyone may post to, and that need less."""


class _Refused(Exception):
    """The request is refused; the text says why."""

    def __init__(self, status: HTTPStatus, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail


@dataclass(slots=True)
class _Body:
    """Hands the body on, counts it and looks at the time."""

    receive: Receive
    limit: int
    seconds: float
    deadline: float
    received: int = 0
    is_complete: bool = False

    async def next_message(self) -> Message:
        """Return the next part of the body. Raises _Refused if it is too large or too late."""
        if self.is_complete:
            return await self.receive()
        try:
            async with asyncio.timeout_at(self.deadline):
                message = await self.receive()
        except TimeoutError:
            raise _Refused(
                HTTPStatus.REQUEST_TIMEOUT,
                f"The body did not arrive within {self.seconds:g} seconds.",
            ) from None
        self.received += len(message.get("body", b""))
        if self.received > self.limit:
            raise _too_large(self.limit)
        self.is_complete = not message.get("more_body", False)
        return message


class RequestLimits:
    """ASGI middleware that limits the URL, the headers, and the size and time of the body.

    The server reads the headers; it has a time limit of its own for them, and higher size limits.
    """

    def __init__(self, application: Application, *, seconds: float) -> None:
        self._application = application
        self._seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._application(scope, receive, send)
            return
        try:
            limit = MAX_BODY_BYTES_OF.get(scope["path"], MAX_BODY_BYTES)
            _check_head(scope, limit)
            deadline = asyncio.get_running_loop().time() + self._seconds
            body = _Body(receive, limit, self._seconds, deadline)
            await self._application(scope, body.next_message, send)
        except _Refused as refusal:  # Always before the response: it needs the whole body.
            await _send_refusal(refusal, scope, send)
            if refusal.status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
                await _discard_rest(receive)


def _check_head(scope: Scope, body_limit: int) -> None:
    """Raise _Refused if the URL, the headers or the declared length of the body are too large."""
    url = scope.get("raw_path") or scope["path"].encode()
    if len(url) + len(scope["query_string"]) > MAX_URL_BYTES:
        raise _Refused(
            HTTPStatus.REQUEST_URI_TOO_LONG, f"A URL has at most {MAX_URL_BYTES:,} bytes."
        )
    if sum(len(name) + len(value) for name, value in scope["headers"]) > MAX_HEADER_BYTES:
        raise _Refused(
            HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
            f"All headers together have at most {MAX_HEADER_BYTES:,} bytes.",
        )
    declared = dict(scope["headers"]).get(b"content-length", b"0")
    if declared.isdigit() and int(declared) > body_limit:
        raise _too_large(body_limit)


def _too_large(limit: int) -> _Refused:
    return _Refused(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        f"The body of this request has at most {limit:,} bytes.",
    )


async def _discard_rest(receive: Receive) -> None:
    """Read on for a moment: many clients read no response before they have sent everything."""
    discarded = 0
    with suppress(TimeoutError):
        async with asyncio.timeout(DISCARD_SECONDS):
            while discarded < MAX_DISCARDED_BYTES:
                message = await receive()
                discarded += len(message.get("body", b""))
                if not message.get("more_body", False):
                    return


async def _send_refusal(refusal: _Refused, scope: Scope, send: Send) -> None:
    status = refusal.status
    client = scope["client"][0] if scope.get("client") else "unknown"
    logger.warning(
        "refused %s %.200r from %s: %d %s", scope["method"], scope["path"], client, status, refusal
    )
    if scope["path"].startswith("/api/"):
        document = problem_document(status=status, code="invalid_request", detail=refusal.detail)
        content_type, content = MEDIA_TYPE, json.dumps(document)
    else:
        content_type, content = "text/plain; charset=utf-8", f"{refusal.detail}\n"
    headers = {
        "content-type": content_type,
        "content-length": str(len(content.encode())),
        "cache-control": "no-store",
        "x-content-type-options": "nosniff",
        "connection": "close",
    }
    await send(
        {
            "type": "http.response.start",
            "status": status.value,
            "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        }
    )
    await send({"type": "http.response.body", "body": content.encode()})
