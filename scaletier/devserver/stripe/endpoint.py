"""The endpoint `/v1/`: passes requests to the API, with fault injection and idempotency keys."""

import json
from dataclasses import dataclass, field

from scaletier.devserver.stripe import errors
from scaletier.devserver.stripe.api import Api
from scaletier.devserver.stripe.errors import ApiError
from scaletier.devserver.stripe.faults import ANSWER, DROP, HANG, WAIT, Fault, Faults
from scaletier.devserver.stripe.form import Params
from scaletier.devserver.stripe.shapes import Object
from scaletier.devserver.stripe.store import Store, StoredResponse, new_id


class ConnectionDropped(Exception):
    """The connection must be closed without a response."""


@dataclass(frozen=True, slots=True)
class ReceivedRequest:
    """A request to `/v1/`; `key` is its idempotency key."""

    method: str
    path: str
    key: str | None


@dataclass(frozen=True, slots=True)
class Response:
    """The response to a request. A replay is a stored response that is sent again."""

    status: int
    body: Object
    is_replay: bool = False


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Responds to requests, and adds them to `received`."""

    store: Store
    public_url: str
    faults: Faults
    received: list[ReceivedRequest]
    _keys_in_use: set[str] = field(default_factory=set)

    def respond(self, request: ReceivedRequest, params: Params) -> Response:
        """Return the response. Raises ApiError, and ConnectionDropped if a fault requires it."""
        self.received.append(request)
        fault = self.faults.take(request.method, request.path)
        if fault and not fault.done:
            self._interrupt(fault)
            # Stripe sends these two before it looks at the idempotency key.
            if fault.status in {409, 429}:
                raise errors.injected(fault.status)
        if request.key is None or request.method != "POST":
            response = Response(200, self._execute(request, params, fault))
        else:
            response = self._execute_once(request, request.key, params, fault)
        if fault and fault.done:
            self._interrupt(fault)
        return response

    def _interrupt(self, fault: Fault) -> None:
        """Block the request or drop its connection, if the fault requires it."""
        if fault.how in {HANG, WAIT}:
            self.faults.hang()
        if fault.how in {HANG, DROP}:
            raise ConnectionDropped

    def _execute_once(
        self, request: ReceivedRequest, key: str, params: Params, fault: Fault | None
    ) -> Response:
        """Return the response stored under the idempotency key, or execute and store."""
        request_text = f"{request.method} {request.path} {json.dumps(params, sort_keys=True)}"
        with self.store.lock:
            stored = self.store.stored_response(key)
            if stored and stored.request != request_text:
                raise errors.key_reused(key)
            if stored:
                return Response(stored.status, stored.body, is_replay=True)
            if key in self._keys_in_use:
                raise errors.key_in_use(key)
            self._keys_in_use.add(key)
        try:
            body = self._execute(request, params, fault)
            self.store.store_response(key, StoredResponse(request_text, 200, body))
        except ApiError as error:
            if error.is_stored:
                response = StoredResponse(request_text, error.status, error.body)
                self.store.store_response(key, response)
            raise
        finally:
            self._keys_in_use.discard(key)
        return Response(200, body)

    def _execute(self, request: ReceivedRequest, params: Params, fault: Fault | None) -> Object:
        """Execute the request in one transaction and return the body of the response.

        If the fault is an error response, raise it before that, or after it if `done`.
        """
        error = errors.injected(fault.status) if fault and fault.how == ANSWER else None
        if error and fault and not fault.done:
            raise error
        with self.store.transaction():
            event_request = {"id": new_id("req"), "idempotency_key": request.key}
            api = Api(self.store, self.public_url, event_request)
            body = api.handle(request.method, request.path, params)
        if error:
            raise error
        return body
