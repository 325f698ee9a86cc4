"""Stored responses: the first response to each idempotency key (R17)."""

import json
from datetime import datetime
from typing import Any

from accounts.models import Organization, StoredResponse
from common.errors import BusinessError
from common.idempotency import IdempotencyKey, IdempotencyKeyReused, ReplayedResponse


def replay_response(*, organization: Organization, key: IdempotencyKey) -> None:
    """Raises ReplayedResponse if the key has a response, IdempotencyKeyReused for another request.

    Call it with the organization locked: then two requests at the same moment have the effect of
    one.
    """
    if response := find_response(organization=organization, key=key):
        raise response


def find_response(*, organization: Organization, key: IdempotencyKey) -> ReplayedResponse | None:
    """Return the response that the key has, or None. Raises IdempotencyKeyReused."""
    stored = StoredResponse.objects.filter(organization=organization, key=key.key).first()
    if stored is None:
        return None
    if stored.fingerprint != key.fingerprint:
        raise IdempotencyKeyReused(
            f"The Idempotency-Key “{key.key}” was used for another request. Use a new key."
        )
    return ReplayedResponse(stored.status, json.loads(stored.body))


def store_response(
    *, organization: Organization, key: IdempotencyKey, result: Any, now: datetime
) -> None:
    """Store the response to a change, or to its refusal, in the transaction of the change."""
    is_error = isinstance(result, BusinessError)
    StoredResponse.objects.create(
        organization=organization,
        key=key.key,
        fingerprint=key.fingerprint,
        status=result.status if is_error else key.status_of(result),
        body=json.dumps(result.document() if is_error else key.render(result)),
        created_at=now,
    )
