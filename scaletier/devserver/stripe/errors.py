"""Errors as Stripe's API returns them."""

from typing import Any


class ApiError(Exception):
    """An error response of the API.

    `is_stored` says that it is stored under the idempotency key: Stripe does that once it has
    begun to execute a request.
    """

    def __init__(self, status: int, error: dict[str, Any], *, is_stored: bool = False) -> None:
        super().__init__(error.get("message"))
        self.status = status
        self.is_stored = is_stored
        self.body = {"error": {name: value for name, value in error.items() if value is not None}}


def invalid(
    message: str,
    param: str | None = None,
    code: str | None = None,
    *,
    status: int = 400,
    is_stored: bool = False,
) -> ApiError:
    error = {
        "type": "invalid_request_error",
        "message": message,
        "param": param,
        "code": code,
    }
    return ApiError(status, error, is_stored=is_stored)


def missing(kind: str, object_id: str, param: str = "id") -> ApiError:
    """No such object: 404 if the path names it, 400 if a parameter does."""
    status = 404 if param == "id" else 400
    return invalid(f"No such {kind}: '{object_id}'", param, "resource_missing", status=status)


def unauthorized() -> ApiError:
    message = "Invalid API Key provided: this is a stand-in, it takes test keys only."
    return ApiError(401, {"type": "invalid_request_error", "message": message})


def injected(status: int) -> ApiError:
    """The error response of an injected fault."""
    types = {429: ("invalid_request_error", "rate_limit"), 409: ("invalid_request_error", None)}
    error_type, code = types.get(
        status, ("api_error" if status >= 500 else "invalid_request_error", None)
    )
    error = {"type": error_type, "code": code, "message": f"A {status}, as was asked for."}
    return ApiError(status, error, is_stored=status not in {409, 429})


def key_reused(key: str) -> ApiError:
    """An idempotency key was sent again, with other parameters."""
    message = (
        "Keys for idempotent requests can only be used with the same parameters they were first "
        f"used with. Try using a key other than '{key}' if you meant to do something else."
    )
    return ApiError(400, {"type": "idempotency_error", "message": message})


def key_in_use(key: str) -> ApiError:
    """The first request with this idempotency key is still running."""
    message = f"There is currently another in-progress request using this idempotency key ({key})."
    error = {"type": "idempotency_error", "code": "idempotency_key_in_use", "message": message}
    return ApiError(409, error)
