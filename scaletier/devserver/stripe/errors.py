"""Errors as Stripe answers them."""

from typing import Any


class ApiError(Exception):
    """`kept`: the work had begun, so the idempotency key keeps this answer."""

    def __init__(self, status: int, error: dict[str, Any], *, kept: bool = False) -> None:
        super().__init__(error.get("message"))
        self.status = status
        self.kept = kept
        self.body = {"error": {key: value for key, value in error.items() if value is not None}}


def invalid(
    message: str,
    param: str | None = None,
    code: str | None = None,
    *,
    status: int = 400,
    kept: bool = False,
) -> ApiError:
    error = {
        "type": "invalid_request_error",
        "message": message,
        "param": param,
        "code": code,
    }
    return ApiError(status, error, kept=kept)


def missing(kind: str, found: str, param: str = "id") -> ApiError:
    status = 404 if param == "id" else 400
    return invalid(f"No such {kind}: '{found}'", param, "resource_missing", status=status)


def unauthorized() -> ApiError:
    message = "Invalid API Key provided: this is a stand-in, it takes test keys only."
    return ApiError(401, {"type": "invalid_request_error", "message": message})


def on_demand(status: int) -> ApiError:
    """What a fault that was asked for looks like."""
    kinds = {429: ("invalid_request_error", "rate_limit"), 409: ("invalid_request_error", None)}
    kind, code = kinds.get(
        status, ("api_error" if status >= 500 else "invalid_request_error", None)
    )
    error = {"type": kind, "code": code, "message": f"A {status}, as was asked for."}
    return ApiError(status, error, kept=status not in {409, 429})


def other_parameters(key: str) -> ApiError:
    message = (
        "Keys for idempotent requests can only be used with the same parameters they were first "
        f"used with. Try using a key other than '{key}' if you meant to do something else."
    )
    return ApiError(400, {"type": "idempotency_error", "message": message})


def in_use(key: str) -> ApiError:
    message = f"There is currently another in-progress request using this idempotency key ({key})."
    error = {"type": "idempotency_error", "code": "idempotency_key_in_use", "message": message}
    return ApiError(409, error)
