"""Idempotency keys: the same key with the same request returns the first response (R17)."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from common.errors import BusinessError, InvalidRequest

MAX_KEY_LENGTH = 255


class IdempotencyKeyRequired(InvalidRequest):
    """The request needs an Idempotency-Key and has none."""

    code = "idempotency_key_required"


class IdempotencyKeyReused(BusinessError):
    """The key was used for another request; nothing was done."""

    code = "idempotency_key_reused"
    status = HTTPStatus.UNPROCESSABLE_ENTITY


class ReplayedResponse(Exception):
    """The key has a response already, which this exception has. Nothing was done now."""

    def __init__(self, status: int, body: dict[str, Any]) -> None:
        self.status = status
        self.body = body

    @property
    def is_refusal(self) -> bool:
        """Return whether the first response said why nothing was done."""
        return self.status >= HTTPStatus.BAD_REQUEST


@dataclass(frozen=True, slots=True)
class IdempotencyKey:
    """A key, the fingerprint of its request, and how the response is made (R17).

    `render` returns the body of the response to a result. `status` is its status, but 202 for a
    result that `is_accepted`: nothing is done yet.
    """

    key: str
    fingerprint: str
    render: Callable[[Any], dict[str, Any]]
    status: HTTPStatus = HTTPStatus.CREATED
    is_accepted: Callable[[Any], bool] = lambda _result: False

    def status_of(self, result: Any) -> HTTPStatus:
        """Return the status of the response to a result."""
        return HTTPStatus.ACCEPTED if self.is_accepted(result) else self.status

    @classmethod
    def for_request(
        cls,
        *,
        key: str,
        path: str,
        body: Any,
        render: Callable[[Any], dict[str, Any]],
        status: HTTPStatus = HTTPStatus.CREATED,
        is_accepted: Callable[[Any], bool] = lambda _result: False,
    ) -> "IdempotencyKey":
        """Return the key of a request. `path` and `body` give its fingerprint.

        Raises IdempotencyKeyRequired without a key, InvalidRequest for an invalid one.
        """
        if not key:
            raise IdempotencyKeyRequired(
                "Send an Idempotency-Key header: this request changes things."
            )
        if len(key) > MAX_KEY_LENGTH or not key.isprintable():
            raise InvalidRequest(
                f"An Idempotency-Key is at most {MAX_KEY_LENGTH} printable characters."
            )
        request = json.dumps((path, body), sort_keys=True, separators=(",", ":"))
        fingerprint = hashlib.sha256(request.encode()).hexdigest()
        return cls(key, fingerprint, render, status, is_accepted)
