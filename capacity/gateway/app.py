"""The gateway as an ASGI application: OpenAI's API, served from capacity where there is some (R15).

One request: who calls, what it asks for, admission, the upstream, and the settlement with what was
really used, however it ended. Nothing here waits for a database.
"""

import asyncio
import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from http import HTTPStatus
from secrets import token_bytes
from time import perf_counter

from capacity.gateway import checks
from capacity.gateway.admission import Admission, AdmissionRequest, Served, Tokens
from capacity.gateway.answering import Answer, Receive, Scope, Send, decision_headers
from capacity.gateway.bodies import (
    CHAT,
    EMBEDDINGS,
    RESPONSES,
    ModelRequest,
    Options,
)
from capacity.gateway.calls import Call, ClientGone
from capacity.gateway.entitlements import Caller, Entitlements, OrganizationState
from capacity.gateway.errors import SERVER_ERROR, GatewayError, stopping
from capacity.gateway.incoming import BodyBudget, IncomingBody
from capacity.gateway.limits import Limits, OpenRequests
from capacity.gateway.metrics import Metrics
from capacity.gateway.upstream import Upstream
from capacity.usage.domain import ids

logger = logging.getLogger(__name__)

MODELS = "/v1/models"
ID_BYTES = 16
COMPLETIONS = frozenset({CHAT, RESPONSES, EMBEDDINGS})
Headers = dict[bytes, bytes]


class Gateway:
    """Serves requests. All its parts are given to it, started."""

    def __init__(
        self,
        *,
        entitlements: Entitlements,
        admission: Admission,
        upstream: Upstream,
        limits: Limits,
        metrics: Metrics,
        default_output: int,
    ) -> None:
        self.entitlements = entitlements
        self.admission = admission
        self.upstream = upstream
        self.limits = limits
        self.metrics = metrics
        self.default_output = default_output
        self.open_requests = OpenRequests(limits)
        self.bodies = BodyBudget(limits)
        self._ids = _ids()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; whatever happens, with OpenAI's envelope and an id."""
        answer = Answer(send, next(self._ids))
        self.metrics.open_requests += 1
        try:
            await self._serve(scope, receive, answer)
        except GatewayError as refusal:
            self.metrics.refusals[refusal.code] += 1
            await answer.refuse(refusal)
        except ClientGone:
            pass
        except asyncio.CancelledError:  # The gateway stops, and waits no longer.
            await answer.refuse(stopping())
        except Exception:
            logger.exception("request %s failed", answer.request_id)
            await answer.refuse(_internal_error())
        finally:
            self.metrics.open_requests -= 1

    async def _serve(self, scope: Scope, receive: Receive, answer: Answer) -> None:
        headers: Headers = dict(scope["headers"])
        path: str = scope["path"]
        if path in COMPLETIONS:
            _check_method(scope, "POST")
            caller = self._caller(headers)
            self.open_requests.open(caller)
            try:
                with IncomingBody(self.bodies, caller.organization.pk) as body:
                    await self._complete(path, headers, caller, body, receive, answer)
            finally:
                self.open_requests.close(caller)
        elif path == MODELS or path.startswith(MODELS + "/"):
            _check_method(scope, "GET")
            await self._models(path.removeprefix(MODELS).strip("/"), self._caller(headers), answer)
        else:
            raise GatewayError(
                HTTPStatus.NOT_FOUND, "unknown_url", f"Unknown URL: {scope['method']} {path:.200}."
            )

    def _caller(self, headers: Headers) -> Caller:
        if self.entitlements.loaded_at is None:
            raise _not_ready()
        scheme, _, secret = headers.get(b"authorization", b"").partition(b" ")
        caller = (
            self.entitlements.caller(secret.strip().decode("latin-1"))
            if scheme.lower() == b"bearer"
            else None
        )
        if caller is None:
            raise checks.invalid_key()
        if caller.refused_from is not None:
            checks.check_second_factor(caller, _now(caller.organization).date())
        return caller

    async def _models(self, model: str, caller: Caller, answer: Answer) -> None:
        today = _now(caller.organization).date()
        models = [
            {"id": snapshot.model, "object": "model", "created": 0, "owned_by": "scaletier"}
            for snapshot in self.entitlements.snapshots
            if not snapshot.is_retired(today)
        ]
        if not model:
            await answer.document({"object": "list", "data": models})
            return
        found = next((entry for entry in models if entry["id"] == model), None)
        if found is None:
            raise checks.no_model(model)
        await answer.document(found)

    async def _complete(
        self,
        path: str,
        headers: Headers,
        caller: Caller,
        incoming: IncomingBody,
        receive: Receive,
        answer: Answer,
    ) -> None:
        options = Options.read(headers)
        body = await incoming.read(headers, receive)
        asked = ModelRequest.read(path, body, default_output=self.default_output)
        request = self._admission_request(answer.request_id, caller, options, asked)
        started = perf_counter()
        decision = await self.admission.admit(request)
        self.metrics.decided(decision, perf_counter() - started)
        answer.headers += decision_headers(decision)
        if decision.served is Served.REFUSED:
            self.admission.settle(decision, None)
            raise checks.refused(decision)
        call = Call(path, asked, headers, decision, answer, self.upstream, self.metrics)
        try:
            await call.run(receive, stalled_seconds=self.limits.stalled_seconds)
        finally:
            if call.used is not None:
                self.metrics.used(decision.served, call.used)
            self.admission.settle(decision, call.used)

    def _admission_request(
        self, request_id: str, caller: Caller, options: Options, asked: ModelRequest
    ) -> AdmissionRequest:
        """Return what admission decides on. Raises GatewayError for what the caller lacks."""
        return checks.admission_request(
            self.entitlements,
            caller,
            options,
            request_id=request_id,
            model=asked.model,
            estimate=Tokens(input=asked.prompt_tokens, output=asked.output_tokens),
            declines_capacity=asked.declines_capacity,
            on=_now(caller.organization).date(),
        )


def _ids() -> Iterator[str]:
    """Yield ids that nobody can guess. Chance is fetched for many: each time is a system call."""
    while True:
        chance = token_bytes(ID_BYTES * 256)
        for start in range(0, len(chance), ID_BYTES):
            yield ids.GATEWAY + chance[start : start + ID_BYTES].hex()


def _now(organization: OrganizationState) -> datetime:
    return organization.clock_at or datetime.now(UTC)


def _check_method(scope: Scope, method: str) -> None:
    if scope["method"] != method:
        raise GatewayError(
            HTTPStatus.METHOD_NOT_ALLOWED,
            "method_not_allowed",
            f"{scope['path']} takes {method}.",
            headers={"allow": method},
        )


def _not_ready() -> GatewayError:
    return GatewayError(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "not_ready",
        "The gateway does not know who may call it at the moment. Try again soon.",
        kind=SERVER_ERROR,
        headers={"retry-after": "1"},
    )


def _internal_error() -> GatewayError:
    return GatewayError(
        HTTPStatus.INTERNAL_SERVER_ERROR,
        "internal_error",
        "The gateway failed. The request id says which request it was.",
        kind=SERVER_ERROR,
    )
