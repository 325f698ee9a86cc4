"""The server: Stripe's API under /v1/, hosted pages under /i/, and /_control/ for tests."""

import json
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

from scaletier.devserver.stripe import errors
from scaletier.devserver.stripe.api import Api
from scaletier.devserver.stripe.control import control
from scaletier.devserver.stripe.errors import ApiError
from scaletier.devserver.stripe.faults import ANSWER, DROP, HANG, WAIT, Fault, Faults
from scaletier.devserver.stripe.form import Params, decode
from scaletier.devserver.stripe.pages import hosted_page, page
from scaletier.devserver.stripe.shapes import API_VERSION, Object
from scaletier.devserver.stripe.store import Answer, Store, new_id
from scaletier.devserver.stripe.webhooks import Deliverer

TEST_KEYS = ("Bearer sk_test_", "Bearer rk_test_")


@dataclass(frozen=True, slots=True)
class Seen:
    """A request that came in."""

    method: str
    path: str
    key: str | None


class Dropped(Exception):
    """The connection ends without an answer."""


@dataclass(slots=True)
class StandIn:
    """A running stand-in; as a context manager it stops at the end of the block.

    Without a file it forgets everything then. `public_url` is where browsers reach it.
    """

    file: Path | None = None
    host: str = "127.0.0.1"
    port: int = 0
    public_url: str = ""
    store: Store = field(init=False)
    webhooks: Deliverer = field(init=False)
    faults: Faults = field(init=False, default_factory=Faults)
    seen: list[Seen] = field(init=False, default_factory=list)
    _server: "Server" = field(init=False)
    _in_flight: set[str] = field(init=False, default_factory=set)

    def __post_init__(self) -> None:
        self.store = Store(self.file)
        self.webhooks = Deliverer(self.store)
        self._server = Server((self.host, self.port), self)
        self.port = self._server.server_address[1]
        self.public_url = self.public_url or self.url

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.webhooks.stop()
        self.faults.released.set()
        self._server.shutdown()
        self._server.server_close()
        self.store.close()

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"

    def answer(
        self, method: str, path: str, params: Params, key: str | None
    ) -> tuple[Answer, bool]:
        """The answer to an API request, and whether it was kept from an earlier one.

        Raises Dropped where a fault says so.
        """
        self.seen.append(Seen(method, path, key))
        fault = self.faults.take(method, path)
        if fault and not fault.done:
            self._strike(fault)
            if fault.status in {409, 429}:
                raise errors.on_demand(fault.status)
        request = f"{method} {path} {json.dumps(params, sort_keys=True)}"
        if key is None or method != "POST":
            answer, replayed = self._carry_out(method, path, params, fault), False
        else:
            answer, replayed = self._once(request, key, method, path, params, fault)
        if fault and fault.done:
            self._strike(fault)
        return answer, replayed

    def _strike(self, fault: Fault) -> None:
        if fault.how in {HANG, WAIT}:
            self.faults.hang()
        if fault.how in {HANG, DROP}:
            raise Dropped

    def _once(
        self, request: str, key: str, method: str, path: str, params: Params, fault: Fault | None
    ) -> tuple[Answer, bool]:
        with self.store.lock:
            kept = self.store.answer(key)
            if kept and kept.request != request:
                raise errors.other_parameters(key)
            if kept:
                return kept, True
            if key in self._in_flight:
                raise errors.in_use(key)
            self._in_flight.add(key)
        try:
            done = self._carry_out(method, path, params, fault, key)
            self.store.keep(key, Answer(request, done.status, done.body))
        except ApiError as error:
            if error.kept:
                self.store.keep(key, Answer(request, error.status, error.body))
            raise
        finally:
            self._in_flight.discard(key)
        return done, False

    def _carry_out(
        self, method: str, path: str, params: Params, fault: Fault | None, key: str | None = None
    ) -> Answer:
        wrong = errors.on_demand(fault.status) if fault and fault.how == ANSWER else None
        if wrong and fault and not fault.done:
            raise wrong
        with self.store.changing():
            api = Api(self.store, self.public_url, {"id": new_id("req"), "idempotency_key": key})
            body = api.handle(method, path, params)
        if wrong:
            raise wrong
        return Answer("", 200, body)

    def hosted(self, page_path: str) -> Object | None:
        """The invoice of a hosted page."""
        url = f"{self.public_url}{page_path}"
        found = self.store.all("invoice", hosted_invoice_url=url)
        return found[0] if found else None

    def act(self, invoice: Object, action: str) -> None:
        """What a button of the hosted page does. Raises ApiError."""
        with self.store.changing():
            api = Api(self.store, self.public_url)
            if action == "fail":
                api.fail_payment(invoice)
            else:
                api.settle(invoice, {"pay": "paid"}.get(action, action))


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, address: tuple[str, int], stand_in: StandIn) -> None:
        self.stand_in = stand_in
        super().__init__(address, Handler)


class Handler(BaseHTTPRequestHandler):
    """Translates HTTP; decides nothing."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Server

    def do_GET(self) -> None:
        self._route("")

    def do_POST(self) -> None:
        self._route(self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode())

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Say nothing: `make run` has one terminal for everything."""

    def _route(self, body: str) -> None:
        asked = urlsplit(self.path)
        if asked.path.startswith("/v1/"):
            self._api(asked.path, decode(body or asked.query))
        elif asked.path.startswith("/i/"):
            self._hosted(asked.path, decode(body))
        elif asked.path.startswith("/_control/"):
            said = json.loads(body or "{}")
            self._json(*control(self.server.stand_in, asked.path.removeprefix("/_control/"), said))
        else:
            self._html(404, page("Not found", "<h1>Not found</h1>"))

    def _api(self, path: str, params: Params) -> None:
        key = self.headers.get("Idempotency-Key")
        headers = {"Stripe-Version": API_VERSION, "Request-Id": new_id("req")}
        if key:
            headers["Idempotency-Key"] = key
        try:
            if not self.headers.get("Authorization", "").startswith(TEST_KEYS):
                raise errors.unauthorized()
            answer, replayed = self.server.stand_in.answer(self.command, path, params, key)
        except Dropped:
            self.close_connection = True
            return
        except ApiError as error:
            self._json(error.status, error.body, headers)
            return
        if replayed:
            headers["Idempotent-Replayed"] = "true"
        self._json(answer.status, answer.body, headers)

    def _hosted(self, path: str, form: Params) -> None:
        stand_in = self.server.stand_in
        invoice = stand_in.hosted(path)
        if invoice is None:
            self._html(404, page("Not found", "<h1>There is no such invoice.</h1>"))
            return
        if self.command == "POST":
            try:
                stand_in.act(invoice, form.get("action", ""))
            except (ApiError, KeyError) as error:
                self._html(400, page("Refused", f"<h1>Refused</h1><p>{error}</p>"))
                return
            self._send(303, b"", "text/plain", {"Location": path})
            return
        self._html(
            200, hosted_page(invoice, stand_in.store.all("line_item", invoice=invoice["id"]))
        )

    def _json(self, status: int, body: Any, headers: dict[str, str] | None = None) -> None:
        self._send(status, json.dumps(body, indent=2).encode(), "application/json", headers or {})

    def _html(self, status: int, text: str) -> None:
        self._send(status, text.encode(), "text/html; charset=utf-8", {})

    def _send(self, status: int, body: bytes, kind: str, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in (headers | {"Content-Type": kind}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
