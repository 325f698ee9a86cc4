"""What is checked of a request before its admission, and what is said if admission refuses it.

The gateway asks here, and so does the page “Where would it land?”: both say the same.
"""

from datetime import date
from http import HTTPStatus

from capacity.gateway.bodies import Options, refuse_pool
from capacity.gateway.decisions import Decision, Reason, Refusal
from capacity.gateway.entitlements import (
    Caller,
    Entitlements,
    OrganizationState,
    ProjectState,
)
from capacity.gateway.errors import GatewayError, invalid
from capacity.gateway.requests import AdmissionRequest, Tokens


def invalid_key() -> GatewayError:
    """Return the refusal of a key that works for nobody: unknown and revoked ones look alike."""
    return GatewayError(
        HTTPStatus.UNAUTHORIZED,
        "invalid_api_key",
        "This API key is not valid, or is no longer: make one under Settings, API keys.",
        headers={"www-authenticate": "Bearer"},
    )


def check_second_factor(caller: Caller, on: date) -> None:
    """Raise GatewayError if on that service day the key lacks a second factor (R24)."""
    if caller.is_refused(on):
        raise GatewayError(
            HTTPStatus.FORBIDDEN,
            "second_factor_required",
            "Your organization requires a second factor: set one up to use this API key.",
        )


def admission_request(
    entitlements: Entitlements,
    caller: Caller,
    options: Options,
    *,
    request_id: str,
    model: str,
    estimate: Tokens,
    declines_capacity: bool,
    on: date,
) -> AdmissionRequest:
    """Return what admission decides on (R15). Raises GatewayError for what the caller lacks.

    `on` is the service day by the organization's clock. A request that declines capacity needs no
    pool: an id that names none is refused only where capacity is wanted.
    """
    organization = caller.organization
    snapshot = entitlements.snapshot(model)
    if snapshot is None or snapshot.is_retired(on):
        raise no_model(model)
    project = _project(organization, options.project or caller.project)
    disabled = options.disabled or declines_capacity
    named = organization.pool(options.pool, snapshot) if options.pool else None
    if options.pool and named is None and not disabled:
        raise refuse_pool(options.pool)
    return AdmissionRequest(
        id=request_id,
        organization=organization,
        key=caller.key,
        project=project.public_id,
        snapshot=snapshot,
        estimate=estimate,
        plan=entitlements.plan(organization, snapshot),
        pools=(named,) if named else entitlements.pools(organization, snapshot),
        names_pool=named is not None,
        disabled=disabled,
    )


def no_model(model: str) -> GatewayError:
    """Return the refusal of a model that the catalogue does not have, or does not have any more."""
    return GatewayError(
        HTTPStatus.NOT_FOUND,
        "model_not_found",
        f"There is no model '{model:.120}' here: GET /v1/models lists them.",
        param="model",
    )


def refused(decision: Decision) -> GatewayError:
    """Return the answer to a request that neither capacity nor the account plan serves (R25)."""
    plan, estimate, model = decision.context.plan, decision.estimate, decision.context.model
    asked = estimate.input + estimate.output
    said = {
        Refusal.REQUESTS: f"{plan.rpm:,} requests per minute",
        Refusal.TOKENS: f"{plan.tpm:,} tokens per minute",
        Refusal.TOO_LARGE: f"{plan.tpm:,} tokens per minute, and this request alone may use"
        f" {asked:,}",
    }[decision.refusal or Refusal.TOKENS]
    why = {
        Reason.DISABLED: "This request declines capacity",
        Reason.NO_CAPACITY: f"No pool has units for this request on {model}",
        Reason.WINDOW_EXHAUSTED: f"No capacity is left for this request on {model}",
    }[decision.reason or Reason.NO_CAPACITY]
    headers = {"retry-after": str(decision.retry_after or 1)}
    if decision.refusal is Refusal.TOO_LARGE:
        headers["x-should-retry"] = "false"  # OpenAI's clients heed it.
    return GatewayError(
        HTTPStatus.TOO_MANY_REQUESTS,
        "rate_limit_exceeded",
        f"{why} ({decision.reason}), and the account plan allows {said}.",
        kind="requests" if decision.refusal is Refusal.REQUESTS else "tokens",
        headers=headers,
    )


def _project(organization: OrganizationState, public_id: str) -> ProjectState:
    project = organization.project(public_id)
    if project is None:
        raise GatewayError(
            HTTPStatus.NOT_FOUND,
            "project_not_found",
            f"There is no project '{public_id:.80}' in your organization.",
            param="OpenAI-Project",
        )
    if project.is_archived:
        raise invalid(
            f"Project '{project.public_id}' is archived.",
            param="OpenAI-Project",
            code="project_archived",
        )
    return project
