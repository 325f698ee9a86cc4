"""The HTTP server: Stripe's API under /v1/, hosted pages under /i/, and /_control/ for tests."""

import json
import secrets
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

from scaletier.devserver.stripe import errors
from scaletier.devserver.stripe.api import Api
from scaletier.devserver.stripe.control import Control
from scaletier.devserver.stripe.endpoint import ConnectionDropped, Endpoint, ReceivedRequest
from scaletier.devserver.stripe.errors import ApiError
from scaletier.devserver.stripe.faults import Faults
from scaletier.devserver.stripe.form import Params, decode
from scaletier.devserver.stripe.pages import hosted_page, page
from scaletier.devserver.stripe.shapes import API_VERSION, Object
from scaletier.devserver.stripe.store import Store, new_id
from scaletier.devserver.stripe.webhooks import WebhookSender

HOST = "127.0.0.1"
TEST_KEYS = ("Bearer sk_test_", "Bearer rk_test_")


@dataclass(slots=True)
class StandIn:
    """A running stand-in. As a context manager, it stops at the end of the block.

    It listens on this machine alone. Without a file its data is lost at the end. `api_key` is the
    only key that the API accepts; if it is empty, any test key will do. `/_control/` needs
    `control_key`. `seen` lists the requests to the API, oldest first.
    """

    file: Path | None = None
    port: int = 0
    api_key: str = ""
    control_key: str = field(default_factory=secrets.token_urlsafe)
    store: Store = field(init=False)
    webhooks: WebhookSender = field(init=False)
    faults: Faults = field(init=False, default_factory=Faults)
    seen: list[ReceivedRequest] = field(init=False, default_factory=list)
    endpoint: Endpoint = field(init=False)
    control: Control = field(init=False)
    _server: "Server" = field(init=False)

    def __post_init__(self) -> None:
        self.store = Store(self.file)
        self.webhooks = WebhookSender(self.store)
        self._server = Server((HOST, self.port), self)
        self.port = self._server.server_address[1]
        self.endpoint = Endpoint(self.store, self.url, self.faults, self.seen)
        self.control = Control(self.store, self.faults, self.webhooks, self.seen)

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
        return f"http://{HOST}:{self.port}"

    def accepts(self, authorization: str) -> bool:
        """Return whether the API accepts this header."""
        if self.api_key:
            return _is_same(authorization, f"Bearer {self.api_key}")
        return authorization.startswith(TEST_KEYS)

    def may_control(self, authorization: str) -> bool:
        """Return whether a request with this header may use `/_control/`."""
        return _is_same(authorization, f"Bearer {self.control_key}")

    def find_invoice(self, page_path: str) -> Object | None:
        """Return the invoice of a hosted page."""
        url = f"{self.url}{page_path}"
        invoices = self.store.all("invoice", hosted_invoice_url=url)
        return invoices[0] if invoices else None

    def act(self, invoice: Object, action: str) -> None:
        """Execute the action of a button on the hosted page.

        Raises ApiError if the invoice's status forbids it, KeyError if there is no such action.
        """
        with self.store.transaction():
            api = Api(self.store, self.url)
            if action == "fail":
                api.fail_payment(invoice)
            else:
                api.settle(invoice, {"pay": "paid"}.get(action, action))


def _is_same(given: str, expected: str) -> bool:
    return secrets.compare_digest(given.encode(), expected.encode())


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, address: tuple[str, int], stand_in: StandIn) -> None:
        self.stand_in = stand_in
        super().__init__(address, Handler)


class Handler(BaseHTTPRequestHandler):
    """Translates between HTTP and the stand-in; contains no rules."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Server

    def do_GET(self) -> None:
        self._route("")

    def do_DELETE(self) -> None:
        self._route("")

    def do_POST(self) -> None:
        self._route(self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode())

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Log nothing: with `make run`, all processes share one terminal."""

    def _route(self, body: str) -> None:
        url = urlsplit(self.path)
        if url.path.startswith("/v1/"):
            self._respond_to_api(url.path, decode(body or url.query))
        elif url.path.startswith("/i/"):
            self._respond_to_browser(url.path, decode(body))
        elif url.path.startswith("/_control/"):
            self._respond_to_control(url.path.removeprefix("/_control/"), body)
        else:
            self._send_html(404, page("Not found", "<h1>Not found</h1>"))

    @property
    def _authorization(self) -> str:
        return self.headers.get("Authorization", "")

    def _respond_to_control(self, action: str, body: str) -> None:
        stand_in = self.server.stand_in
        if stand_in.may_control(self._authorization):
            self._send_json(*stand_in.control.handle(action, json.loads(body or "{}")))
        else:
            self._send_json(401, {"error": "Authorization: Bearer <key> is needed for /_control/"})

    def _respond_to_api(self, path: str, params: Params) -> None:
        key = self.headers.get("Idempotency-Key")
        headers = {"Stripe-Version": API_VERSION, "Request-Id": new_id("req")}
        if key:
            headers["Idempotency-Key"] = key
        try:
            if not self.server.stand_in.accepts(self._authorization):
                raise errors.unauthorized()
            request = ReceivedRequest(self.command, path, key)
            response = self.server.stand_in.endpoint.respond(request, params)
        except ConnectionDropped:
            self.close_connection = True
            return
        except ApiError as error:
            self._send_json(error.status, error.body, headers)
            return
        if response.is_replay:
            headers["Idempotent-Replayed"] = "true"
        self._send_json(response.status, response.body, headers)

    def _respond_to_browser(self, path: str, form: Params) -> None:
        stand_in = self.server.stand_in
        invoice = stand_in.find_invoice(path)
        if invoice is None:
            self._send_html(404, page("Not found", "<h1>There is no such invoice.</h1>"))
            return
        if self.command == "POST":
            try:
                stand_in.act(invoice, form.get("action", ""))
            except (ApiError, KeyError) as error:
                self._send_html(400, page("Refused", f"<h1>Refused</h1><p>{error}</p>"))
                return
            self._send(303, b"", "text/plain", {"Location": path})
            return
        lines = stand_in.store.all("line_item", invoice=invoice["id"])
        self._send_html(200, hosted_page(invoice, lines))

    def _send_json(self, status: int, body: Any, headers: dict[str, str] | None = None) -> None:
        self._send(status, json.dumps(body, indent=2).encode(), "application/json", headers or {})

    def _send_html(self, status: int, html: str) -> None:
        self._send(status, html.encode(), "text/html; charset=utf-8", {})

    def _send(self, status: int, body: bytes, content_type: str, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in (headers | {"Content-Type": content_type}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
