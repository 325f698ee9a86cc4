"""Runs Django's ordinary request handling in a fixed number of threads of an ASGI server.

Django's own ASGI handler starts a thread, and with it a database connection, for every request at
once, and changes between threads for every middleware. Here a request has one thread, as under a
WSGI server, and the threads keep their connections. But a thread never waits for a client: the
whole body is read before a thread gets the request, and the thread is free again before the first
byte of the response is sent.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from tempfile import SpooledTemporaryFile
from typing import IO, Any, cast

from django.core import signals
from django.core.exceptions import RequestAborted
from django.core.handlers.asgi import ASGIHandler, get_script_prefix
from django.http.response import HttpResponseBase
from django.urls import set_script_prefix

Scope = MutableMapping[str, Any]
Message = Mapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

SPOOL_BYTES = 256 * 1024
"""Larger bodies of requests and responses are kept in a temporary file, not in memory."""

CHUNK_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class _Answer:
    """A response that needs no thread any more."""

    start: Message
    body: IO[bytes]


class ThreadedHandler(ASGIHandler):
    """An ASGI application that runs the views and the middleware in a pool of threads."""

    def __init__(self, *, threads: int) -> None:
        super().__init__()
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="request")

    def load_middleware(self, is_async: bool = False) -> None:  # noqa: FBT002 - as in Django
        """Load the middleware as under WSGI: no part of it runs in the event loop."""
        super().load_middleware(is_async=False)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request. A client that goes away does not stop what it asked for."""
        if scope["type"] != "http":
            raise ValueError(f"only HTTP is served, not {scope['type']}")
        try:
            body = await self._read_body(receive)
        except RequestAborted:
            return
        loop = asyncio.get_running_loop()
        with body:
            answer = await loop.run_in_executor(self._threads, self._answer, scope, body)
        with answer.body as content:
            await send(answer.start)
            chunk = content.read(CHUNK_BYTES)
            while more := content.read(CHUNK_BYTES):
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
                chunk = more
            await send({"type": "http.response.body", "body": chunk})

    async def _read_body(self, receive: Receive) -> IO[bytes]:
        """Read the whole body. Raises RequestAborted if the client goes away before its end."""
        with ExitStack() as on_failure:
            body = on_failure.enter_context(SpooledTemporaryFile(SPOOL_BYTES))
            more = True
            while more:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise RequestAborted
                body.write(message.get("body", b""))
                more = message.get("more_body", False)
            body.seek(0)
            on_failure.pop_all()
        return body

    def _answer(self, scope: Scope, body: IO[bytes]) -> _Answer:
        """Handle the request in this thread, and read the response to its end."""
        set_script_prefix(get_script_prefix(scope))
        signals.request_started.send(sender=self.__class__, scope=scope)
        request, error = self.create_request(scope, body)
        response = self.get_response(request) if request else cast(HttpResponseBase, error)
        vars(response)["_handler_class"] = self.__class__  # As Django's own handlers do.
        content = SpooledTemporaryFile(SPOOL_BYTES)  # noqa: SIM115 - the caller closes it
        try:
            content.writelines(response)
        finally:
            response.close()  # It ends the request: connections are given back or checked.
        content.seek(0)
        start = {
            "type": "http.response.start",
            "status": response.status_code,
            "headers": _headers(response),
        }
        return _Answer(start, content)


def _headers(response: HttpResponseBase) -> list[tuple[bytes, bytes]]:
    headers = [(name.encode("ascii"), value.encode("latin-1")) for name, value in response.items()]
    cookies = [
        (b"Set-Cookie", cookie.output(header="").strip().encode("ascii"))
        for cookie in response.cookies.values()
    ]
    return headers + cookies
