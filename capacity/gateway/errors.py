"""Refusals, in OpenAI's envelope, so that OpenAI's clients raise their own errors."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import orjson

INVALID_REQUEST = "invalid_request_error"
SERVER_ERROR = "server_error"


class GatewayError(Exception):
    """A request that the gateway answers itself. `str()` is the sentence that a person reads.

    `param` names the field or the header at fault; `code` is stable; `headers` go with the answer.
    """

    def __init__(
        self,
        status: HTTPStatus,
        code: str,
        message: str,
        *,
        param: str | None = None,
        kind: str = INVALID_REQUEST,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.param = param
        self.kind = kind
        self.headers = dict(headers or {})

    @property
    def body(self) -> bytes:
        return envelope(str(self), kind=self.kind, param=self.param, code=self.code)

    @property
    def event(self) -> bytes:
        """The event that ends a stream which has begun."""
        return error_event(str(self), kind=self.kind, code=self.code)


def envelope(message: str, *, kind: str, code: str | None, param: str | None = None) -> bytes:
    """Return OpenAI's error document."""
    return orjson.dumps({"error": error_object(message, kind=kind, code=code, param=param)})


def error_object(
    message: str, *, kind: str, code: str | None, param: str | None = None
) -> dict[str, Any]:
    return {"message": message, "type": kind, "param": param, "code": code}


def error_event(message: str, *, kind: str = SERVER_ERROR, code: str) -> bytes:
    """Return the event that ends a stream which broke off: OpenAI's clients raise APIError."""
    error = error_object(message, kind=kind, code=code)
    return b"event: error\ndata: " + orjson.dumps({"type": "error", "error": error}) + b"\n\n"


def stopping() -> GatewayError:
    """Return what is told to whoever is not served any more because the gateway stops."""
    return GatewayError(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "stopping",
        "The gateway is stopped, and could not finish this request. Try again.",
        kind=SERVER_ERROR,
        headers={"retry-after": "1"},
    )


def invalid(message: str, *, param: str | None = None, code: str = "invalid_value") -> GatewayError:
    """Return the refusal of a request that is wrong in itself."""
    return GatewayError(HTTPStatus.BAD_REQUEST, code, message, param=param)
