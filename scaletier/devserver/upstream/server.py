"""The HTTP server of the demo: chat completions, responses, embeddings, and faults on demand."""

import gzip
import json
import secrets
import socket
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

from scaletier.devserver.upstream import shapes
from scaletier.devserver.upstream.directions import HELP, Directions, texts
from scaletier.devserver.upstream.shapes import Object, Reply

HOST = "127.0.0.1"
BYTES_A_TOKEN = 4
LONGEST_WAIT = 3_600
PROMPTS = ("messages", "input", "instructions")
LIMITS = ("max_tokens", "max_completion_tokens", "max_output_tokens")


@dataclass(frozen=True, slots=True)
class Seen:
    """A request that arrived, for tests."""

    path: str
    headers: dict[str, str]
    body: bytes


@dataclass(slots=True)
class DemoUpstream:
    """A running demo. As a context manager, it stops at the end of the block.

    It listens on this machine alone. `key` is the only one that it accepts; any, if it is empty.
    `seen` lists the requests, `produced` the input and output tokens of the answers that were
    begun, `left` counts clients that left before the end of an answer.
    """

    port: int = 0
    key: str = ""
    seen: list[Seen] = field(init=False, default_factory=list)
    produced: list[tuple[int, int]] = field(init=False, default_factory=list)
    left: int = field(init=False, default=0)
    _leaving: threading.Condition = field(init=False, default_factory=threading.Condition)
    stopped: threading.Event = field(init=False, default_factory=threading.Event)
    _server: "_Server" = field(init=False)

    def __post_init__(self) -> None:
        self._server = _Server((HOST, self.port), self)
        self.port = self._server.server_address[1]

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stopped.set()
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self) -> str:
        """The base URL, as OpenAI's own clients take it."""
        return f"http://{HOST}:{self.port}/v1"

    def client_left(self) -> None:
        """Count a client that left before the end of its answer."""
        with self._leaving:
            self.left += 1
            self._leaving.notify_all()

    def wait_until_left(self, count: int) -> None:
        """Wait until so many clients have left. Raises TimeoutError."""
        with self._leaving:
            if not self._leaving.wait_for(lambda: self.left >= count, timeout=10):
                raise TimeoutError(f"{self.left} clients have left, not {count}")

    def accepts(self, authorization: str) -> bool:
        return not self.key or secrets.compare_digest(
            authorization.encode(), f"Bearer {self.key}".encode()
        )


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 1_024

    def __init__(self, address: tuple[str, int], demo: DemoUpstream) -> None:
        self.demo = demo
        super().__init__(address, _Handler)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def setup(self) -> None:
        super().setup()
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - as in the library
        """Log nothing: prompts are in no log."""

    def do_GET(self) -> None:
        if self.path == "/v1/models":
            self._json(200, {"object": "list", "data": []})
        else:
            self._json(200, {"demo": "Scale Tier", "directions in a prompt": HELP})

    def do_POST(self) -> None:
        demo = self.server.demo
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        demo.seen.append(Seen(self.path, headers, body))
        if not demo.accepts(self.headers.get("authorization") or ""):
            self._json(401, shapes.error(401))
            return
        document = json.loads(body)
        directions = Directions.read(_prompt(document))
        if demo.stopped.wait(LONGEST_WAIT if directions.hang else directions.delay):
            return
        if directions.error:
            self._json(directions.error, shapes.error(directions.error))
            return
        reply = _reply(document, directions, is_text=self.path != "/v1/embeddings")
        demo.produced.append((reply.prompt_tokens, reply.output_tokens))
        try:
            self._reply(document, directions, reply)
        except (BrokenPipeError, ConnectionResetError):
            demo.client_left()
            self.close_connection = True

    def _reply(self, document: Object, directions: Directions, reply: Reply) -> None:
        is_chat = self.path == "/v1/chat/completions"
        if self.path == "/v1/embeddings":
            inputs = document.get("input")
            self._json(
                200, shapes.embeddings(reply, count=len(inputs) if isinstance(inputs, list) else 1)
            )
        elif not document.get("stream"):
            answer = shapes.chat(reply) if is_chat else shapes.response(reply)
            if directions.no_usage:
                del answer["usage"]
            self._json(200, answer, directions)
        elif is_chat:
            options = document.get("stream_options") or {}
            with_usage = bool(options.get("include_usage")) and not directions.no_usage
            chunks = shapes.chat_chunks(reply, with_usage=with_usage)
            self._stream(map(_event, chunks), b"data: [DONE]\n\n", directions)
        else:
            numbered = enumerate(shapes.response_events(reply))
            events = (_named_event({**event, "sequence_number": n}) for n, event in numbered)
            self._stream(events, b"", directions)

    def _stream(self, events: Iterable[bytes], last: bytes, directions: Directions) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        for position, event in enumerate(events):
            if position == 3 and directions.cut:
                self._break_off()
                return
            self._chunk(
                event[: len(event) // 2] + b"\n\n"
                if position == 3 and directions.malformed
                else event
            )
            if directions.pace:
                time.sleep(directions.pace)
        self._chunk(last + b"")
        self.wfile.write(b"0\r\n\r\n")

    def _chunk(self, data: bytes) -> None:
        if data:
            self.wfile.write(b"%x\r\n%b\r\n" % (len(data), data))
            self.wfile.flush()

    def _break_off(self) -> None:
        self.wfile.flush()
        self.connection.shutdown(socket.SHUT_RDWR)
        self.close_connection = True

    def _json(self, status: int, document: Object, directions: Directions = Directions()) -> None:  # noqa: B008 - frozen
        content = json.dumps(document, separators=(",", ":")).encode()
        if directions.malformed:
            content = content[: len(content) // 2]
        self.send_response(status)
        self.send_header("content-type", "application/json")
        if directions.gzip:
            content = gzip.compress(content)
            self.send_header("content-encoding", "gzip")
        self.send_header("content-length", str(len(content)))
        if status in {429, 503}:
            self.send_header("retry-after", "1")
            self.send_header("retry-after-ms", "10")  # OpenAI's clients prefer it.
        self.end_headers()
        if directions.cut:
            self.wfile.write(content[: len(content) // 2])
            self._break_off()
            return
        self.wfile.write(content)


def _event(document: Object) -> bytes:
    return b"data: " + json.dumps(document, separators=(",", ":")).encode() + b"\n\n"


def _named_event(document: Object) -> bytes:
    return f"event: {document['type']}\n".encode() + _event(document)


def _prompt(document: Object) -> str:
    return "\n".join(text for name in PROMPTS for text in texts(document.get(name)))


def _reply(document: Object, directions: Directions, *, is_text: bool) -> Reply:
    """Return what to answer: as many tokens as asked for, at most the limit of the request."""
    wanted = shapes.DEFAULT_TOKENS if directions.tokens is None else directions.tokens
    limits = [document[name] for name in LIMITS if isinstance(document.get(name), int)]
    allowed = min([wanted, *limits])
    prompt = -(-len(_prompt(document).encode()) // BYTES_A_TOKEN)
    return Reply(
        model=str(document.get("model")),
        prompt_tokens=prompt,
        cached_tokens=min(directions.cached, prompt),
        output_tokens=allowed if is_text else 0,
        is_cut_short=allowed < wanted,
    )
