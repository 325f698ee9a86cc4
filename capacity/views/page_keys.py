"""Idempotency keys of the dialogs that buy and cancel (R17)."""

import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from accounts.operations.idempotency import find_response
from accounts.views.permissions import PageRequest
from common.idempotency import IdempotencyKey, IdempotencyKeyReused

PAGE_KEY = re.compile("page-[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class PageKey:
    """The key of a dialog. `response` is what its form did already, None if it did nothing yet."""

    text: str
    response: Mapping[str, Any] | None = None

    @property
    def message(self) -> str | None:
        """Return the message of the response."""
        return str(self.response["message"]) if self.response else None


def new_page_key() -> PageKey:
    """Return a key that no form has had, so that a refused request can be repeated."""
    return PageKey(f"page-{uuid.uuid4().hex}")


def page_key(request: PageRequest, body: Any) -> PageKey:
    """Return the key of a dialog that is opened for the request `body`.

    A script that got no answer to a form asks with the key of that form: if the form did its work,
    the key has the message; if it never arrived, or arrives late, it and the new form are one
    request. Any other dialog gets a new key.
    """
    text = request.GET.get("key", "")
    if not PAGE_KEY.fullmatch(text):
        return new_page_key()
    key = IdempotencyKey.for_request(key=text, path=request.path, body=body, render=lambda _: {})
    try:
        response = find_response(organization=request.access.organization, key=key)
    except IdempotencyKeyReused:
        return new_page_key()
    if response is None:
        return PageKey(text)
    return new_page_key() if response.is_refusal else PageKey(text, response.body)
