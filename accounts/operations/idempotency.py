"""The same key, the same body: the first answer, for good (R17)."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Any

from accounts.errors import InvalidRequest, Refusal
from accounts.models import KeptAnswer, Organization

KEY_LENGTH = 255


class IdempotencyKeyRequired(InvalidRequest):
    code = "idempotency_key_required"


class IdempotencyKeyReused(Refusal):
    """The key was used for another request; nothing was done."""

    code = "idempotency_key_reused"
    status = HTTPStatus.UNPROCESSABLE_ENTITY


class AnsweredBefore(Exception):  # noqa: N818 - carries an answer, is no error
    """The request was answered already; nothing was done now. Holds that first answer."""

    def __init__(self, status: int, body: dict[str, Any]) -> None:
        super().__init__(status)
        self.status = status
        self.body = body


@dataclass(frozen=True, slots=True)
class Once:
    """A request to be carried out once. `render` makes the answer that is kept from the result."""

    key: str
    fingerprint: str
    render: Callable[[Any], dict[str, Any]]
    status: HTTPStatus = HTTPStatus.CREATED

    @classmethod
    def of(
        cls,
        *,
        key: str,
        request: tuple[str, Any],
        render: Callable[[Any], dict[str, Any]],
        status: HTTPStatus = HTTPStatus.CREATED,
    ) -> "Once":
        """`request` is where it went and what it said. Raises IdempotencyKeyRequired."""
        if not key:
            raise IdempotencyKeyRequired(
                "Send an Idempotency-Key header: this request changes things."
            )
        if len(key) > KEY_LENGTH or not key.isprintable():
            raise InvalidRequest(
                f"An Idempotency-Key is at most {KEY_LENGTH} printable characters."
            )
        said = json.dumps(request, sort_keys=True, separators=(",", ":"))
        fingerprint = hashlib.sha256(said.encode()).hexdigest()
        return cls(key=key, fingerprint=fingerprint, render=render, status=status)


def answer_before(*, organization: Organization, once: Once) -> None:
    """Raises AnsweredBefore or IdempotencyKeyReused if the key is known.

    Call with the organization's lock held: that is what makes two at once one.
    """
    kept = KeptAnswer.objects.filter(organization=organization, key=once.key).first()
    if kept is None:
        return
    if kept.fingerprint != once.fingerprint:
        raise IdempotencyKeyReused(
            f"The Idempotency-Key “{once.key}” was used for another request. Use a new key."
        )
    raise AnsweredBefore(kept.status, json.loads(kept.body))


def keep_answer(*, organization: Organization, once: Once, result: Any, now: datetime) -> None:
    """Keep the answer to what was just done, or refused, in the same transaction."""
    refused = isinstance(result, Refusal)
    KeptAnswer.objects.create(
        organization=organization,
        key=once.key,
        fingerprint=once.fingerprint,
        status=result.status if refused else once.status,
        body=json.dumps(result.document() if refused else once.render(result)),
        created_at=now,
    )
