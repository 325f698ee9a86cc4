"""A JSON answer of the upstream: its usage is read, and `service_tier` says what served it here."""

import re
from collections.abc import Mapping
from typing import Any

import orjson

from capacity.gateway.admission import Tokens
from capacity.gateway.errors import SERVER_ERROR, envelope
from capacity.gateway.estimates import text_tokens

MOST_TOKENS = 10**12
LONGEST_MESSAGE = 500

_TIER = re.compile(rb'"service_tier"\s*:\s*(?:null|"[^"\\]*")')


def read_answer(body: bytes, tier: str, *, estimate: int) -> tuple[bytes, Tokens | None]:
    """Return the answer with its tier, otherwise as it came, and the tokens that it used.

    If it does not say, they are the estimate of its input, and what its text comes to. Without a
    JSON object there is no answer, and None.
    """
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        return body, None
    if not isinstance(document, dict):
        return body, None
    used = tokens_of(document.get("usage")) or Tokens(
        input=estimate, output=text_tokens(document.get("choices") or document.get("output"))
    )
    return _with_tier(body, document, tier), used


def _with_tier(body: bytes, document: dict[str, Any], tier: str) -> bytes:
    field = b'"service_tier":"%b"' % tier.encode()
    mentions = body.count(b'"service_tier"')
    if not mentions and document:
        return body.rstrip()[:-1] + b"," + field + b"}"
    if mentions == 1 and "service_tier" in document:
        changed, replaced = _TIER.subn(field, body)
        if replaced:
            return changed
    return orjson.dumps({**document, "service_tier": tier})


def tokens_of(usage: Any) -> Tokens | None:
    """Return the tokens of a usage object of chat completions, responses or embeddings."""
    if not isinstance(usage, Mapping):
        return None
    prompt = _count(usage, "prompt_tokens", "input_tokens")
    output = _count(usage, "completion_tokens", "output_tokens")
    details = usage.get("prompt_tokens_details") or usage.get("input_tokens_details")
    cached = _count(details, "cached_tokens") if isinstance(details, Mapping) else 0
    return Tokens(input=prompt, output=output, cached=min(cached, prompt))


def _count(usage: Mapping[str, Any], *names: str) -> int:
    for name in names:
        value = usage.get(name)
        if isinstance(value, int) and 0 <= value <= MOST_TOKENS:
            return int(value)
    return 0


def read_error(body: bytes) -> bytes:
    """Return an upstream's error in OpenAI's envelope: its own, or one with what it said."""
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        document = body.decode(errors="replace")
    error = document.get("error") if isinstance(document, dict) else None
    if isinstance(error, dict) and isinstance(error.get("message"), str):
        return body
    said = error if isinstance(error, str) else _message(document)
    return envelope(said[:LONGEST_MESSAGE], kind=SERVER_ERROR, code="upstream_error")


def _message(document: Any) -> str:
    if isinstance(document, dict):
        for name in ("message", "detail", "error"):
            if isinstance(document.get(name), str):
                return str(document[name])
    if isinstance(document, str) and document.strip() and not document.lstrip().startswith("<"):
        return document.strip()
    return "The upstream answered with an error, and did not say which."
