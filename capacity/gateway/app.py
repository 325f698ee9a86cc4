"""The gateway as an ASGI application: OpenAI's API, served from capacity where there is some (R15).

One request: who calls, what it asks for, admission, the upstream, and the settlement with what was
really used, however it ended. Nothing here waits for a database.
"""

import asyncio
import logging
from datetime import UTC, datetime
from http import HTTPStatus
from secrets import token_hex
from time import perf_counter

from capacity.gateway.admission import Admission, AdmissionRequest, Decision, Served, Tokens
from capacity.gateway.answering import Answer, Receive, Scope, Send, decision_headers
from capacity.gateway.bodies import (
    CHAT,
    EMBEDDINGS,
    RESPONSES,
    ModelRequest,
    Options,
    refuse_pool,
)
from capacity.gateway.calls import Call, ClientGone
from capacity.gateway.entitlements import Caller, Entitlements, OrganizationState, SnapshotState
from capacity.gateway.errors import SERVER_ERROR, GatewayError, invalid
from capacity.gateway.limits import Limits, OpenRequests, too_large, too_slow
from capacity.gateway.metrics import Metrics
from capacity.gateway.upstream import Upstream

logger = logging.getLogger(__name__)

MODELS = "/v1/models"
PREFIX = "greq_"
"""How the id of a request starts."""
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
        self.open_requests = OpenRequests(limits.requests_of_key)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; whatever happens, with OpenAI's envelope and an id."""
        answer = Answer(send, PREFIX + token_hex(16))
        self.metrics.open_requests += 1
        try:
            await self._serve(scope, receive, answer)
        except GatewayError as refusal:
            self.metrics.refusals[refusal.code] += 1
            await answer.refuse(refusal)
        except ClientGone:
            pass
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
            with self.open_requests.hold(caller.key):
                await self._complete(path, headers, caller, receive, answer)
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
            raise GatewayError(
                HTTPStatus.UNAUTHORIZED,
                "invalid_api_key",
                "This API key is not valid, or is no longer: make one under Settings, API keys.",
                headers={"www-authenticate": "Bearer"},
            )
        if caller.is_refused(_now(caller.organization).date()):
            raise GatewayError(
                HTTPStatus.FORBIDDEN,
                "second_factor_required",
                "Your organization requires a second factor: set one up to use this API key.",
            )
        return caller

    async def _models(self, model: str, caller: Caller, answer: Answer) -> None:
        today = _now(caller.organization).date()
        models = [
            {"id": snapshot.model, "object": "model", "created": 0, "owned_by": "scaletier"}
            for snapshot in self.entitlements.snapshots
            if snapshot.retires_on is None or snapshot.retires_on > today
        ]
        if not model:
            await answer.document({"object": "list", "data": models})
            return
        found = next((entry for entry in models if entry["id"] == model), None)
        if found is None:
            raise _no_model(model)
        await answer.document(found)

    async def _complete(
        self, path: str, headers: Headers, caller: Caller, receive: Receive, answer: Answer
    ) -> None:
        options = Options.read(headers)
        body = await self._read_body(headers, receive)
        asked = ModelRequest.read(path, body, default_output=self.default_output)
        request = self._admission_request(answer.request_id, caller, options, asked)
        started = perf_counter()
        decision = await self.admission.admit(request)
        self.metrics.decided(decision, perf_counter() - started)
        answer.headers += decision_headers(decision)
        if decision.served is Served.REFUSED:
            await self.admission.settle(decision, None)
            raise refused(decision)
        call = Call(path, asked, headers, decision, answer, self.upstream, self.metrics)
        try:
            await call.run(receive, stalled_seconds=self.limits.stalled_seconds)
        finally:
            if call.used is not None:
                self.metrics.used(decision.served, call.used)
            await self.admission.settle(decision, call.used)

    async def _read_body(self, headers: Headers, receive: Receive) -> bytes:
        """Return the whole body. Raises GatewayError, or ClientGone if it never comes."""
        declared = headers.get(b"content-length", b"0")
        if declared.isdigit() and int(declared) > self.limits.body:
            raise too_large(self.limits)
        chunks: list[bytes] = []
        size, more = 0, True
        try:
            async with asyncio.timeout(self.limits.body_seconds):
                while more:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        raise ClientGone
                    chunks.append(message["body"])
                    size += len(message["body"])
                    more = message["more_body"]
                    if size > self.limits.body:
                        raise too_large(self.limits)
        except TimeoutError:
            raise too_slow(self.limits) from None
        return b"".join(chunks)

    def _admission_request(
        self, request_id: str, caller: Caller, options: Options, asked: ModelRequest
    ) -> AdmissionRequest:
        """Return what admission decides on. Raises GatewayError for what the caller lacks."""
        organization = caller.organization
        snapshot = self.entitlements.snapshot(asked.model)
        if snapshot is None or _is_retired(snapshot, organization):
            raise _no_model(asked.model)
        project = organization.project(options.project or caller.project)
        if project is None:
            raise GatewayError(
                HTTPStatus.NOT_FOUND,
                "project_not_found",
                f"There is no project '{options.project:.80}' in your organization.",
                param="OpenAI-Project",
            )
        if project.is_archived:
            raise invalid(
                f"Project '{project.public_id}' is archived.",
                param="OpenAI-Project",
                code="project_archived",
            )
        pools = self.entitlements.pools(organization, snapshot)
        disabled = options.disabled or asked.declines_capacity
        named = organization.pool(options.pool, snapshot) if options.pool else None
        if named is not None:
            pools = (named,)
        elif options.pool and not disabled:  # Declined, it need not be right.
            raise refuse_pool(options.pool)
        return AdmissionRequest(
            id=request_id,
            organization=organization,
            key=caller.key,
            project=project.public_id,
            snapshot=snapshot,
            estimate=Tokens(input=asked.prompt_tokens, output=asked.output_tokens),
            plan=self.entitlements.plan(organization, snapshot),
            pools=pools,
            names_pool=named is not None,
            disabled=disabled,
        )


def _now(organization: OrganizationState) -> datetime:
    return organization.clock_at or datetime.now(UTC)


def _is_retired(snapshot: SnapshotState, organization: OrganizationState) -> bool:
    return snapshot.retires_on is not None and snapshot.retires_on <= _now(organization).date()


def _check_method(scope: Scope, method: str) -> None:
    if scope["method"] != method:
        raise GatewayError(
            HTTPStatus.METHOD_NOT_ALLOWED,
            "method_not_allowed",
            f"{scope['path']} takes {method}.",
            headers={"allow": method},
        )


def _no_model(model: str) -> GatewayError:
    return GatewayError(
        HTTPStatus.NOT_FOUND,
        "model_not_found",
        f"There is no model '{model:.120}' here: GET /v1/models lists them.",
        param="model",
    )


def _not_ready() -> GatewayError:
    return GatewayError(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "not_ready",
        "The gateway has just started. Try again in a moment.",
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


def refused(decision: Decision) -> GatewayError:
    """Return the answer to a request that neither capacity nor the account plan serves (R25)."""
    plan, estimate, model = decision.context.plan, decision.context.estimate, decision.context.model
    asked = estimate.input + estimate.output
    kind = "requests" if decision.refusal == "requests_per_minute" else "tokens"
    said = {
        "requests_per_minute": f"{plan.rpm:,} requests per minute",
        "tokens_per_minute": f"{plan.tpm:,} tokens per minute",
        "too_large": f"{plan.tpm:,} tokens per minute, and this request alone may use {asked:,}",
    }[decision.refusal or "tokens_per_minute"]
    headers = {"retry-after": str(decision.retry_after or 1)}
    if decision.refusal == "too_large":
        headers["x-should-retry"] = "false"  # OpenAI's clients heed it.
    return GatewayError(
        HTTPStatus.TOO_MANY_REQUESTS,
        "rate_limit_exceeded",
        f"No capacity is left for this request on {model} ({decision.reason}), and the account plan"
        f" allows {said}.",
        kind=kind,
        headers=headers,
    )
