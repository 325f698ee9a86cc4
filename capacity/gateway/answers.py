"""A JSON answer of the upstream: its usage is read, and `service_tier` says what served it here."""

import json
import re
from typing import Any, TypeGuard

import orjson

from capacity.gateway.errors import SERVER_ERROR, envelope
from capacity.gateway.estimates import text_tokens
from capacity.gateway.requests import Tokens

MOST_TOKENS = 10**12
LONGEST_MESSAGE = 500

NAME = b'"service_tier"'
FIELDS = {tier: b'"service_tier":"%b"' % tier.encode() for tier in ("scale", "default")}
LARGE = 256 * 1024
"""Bytes from which on an answer is not parsed, if it says what it used."""

_USAGE = re.compile(rb'"usage"\s*:\s*(\{(?:[^{}]|\{[^{}]*\})*\})')
TIER = re.compile(rb'"service_tier"\s*:\s*(?:null|"[^"\\]*")')
"""The field, with what it says."""


def read_answer(body: bytes, tier: str, *, estimate: int) -> tuple[bytes, Tokens | None]:
    """Return the answer with its tier, otherwise as it came, and the tokens that it used.

    What it does not say is estimated: the input as `estimate`, the output by its text. Without a
    JSON object there is no answer, and None.
    """
    if len(body) > LARGE and (found := _read_large(body, tier)):
        return found
    document = _document(body)
    if document is None:
        return body, None
    prompt, output, cached = _counts(document.get("usage"))
    if prompt is None:
        prompt = estimate
    if output is None:
        output = text_tokens(document.get("choices") or document.get("output"))
    return _with_tier(body, document, tier), Tokens(prompt, output, min(cached, prompt))


def _read_large(body: bytes, tier: str) -> tuple[bytes, Tokens] | None:
    """Read an answer by searching it; None if it must be parsed.

    Embeddings hold millions of numbers, which would take as long as hundreds of other requests.
    """
    used = last_usage(body)
    if used is None or not body.startswith(b"{") or not body.endswith(b"}"):
        return None
    place = body.find(NAME)
    changed = _replaced(body, place, tier) if place >= 0 else _appended(body, tier)
    return (changed, used) if changed else None


def _document(body: bytes) -> dict[str, Any] | None:
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        document = _loosely(body)
    return document if type(document) is dict else None


def _loosely(body: bytes) -> Any:
    """Return what clients read of JSON that is not strict: NaN, half a surrogate pair, depth."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _with_tier(body: bytes, document: dict[str, Any], tier: str) -> bytes:
    """Return the answer with its tier; if that takes writing all of it, and cannot be, as it came.

    The name is never within a string, whose quotes are escaped.
    """
    place = body.find(NAME)
    if place < 0 and document:
        return _appended(body, tier)
    if place >= 0 and "service_tier" in document and (changed := _replaced(body, place, tier)):
        return changed
    try:
        return orjson.dumps({**document, "service_tier": tier})
    except orjson.JSONEncodeError:
        return body


def _appended(body: bytes, tier: str) -> bytes:
    return b"".join((memoryview(body.rstrip())[:-1], b",", FIELDS[tier], b"}"))


def _replaced(body: bytes, place: int, tier: str) -> bytes | None:
    """Return the answer with the field at that place changed; None if there are several."""
    field = TIER.match(body, place)
    if field is None or body.find(NAME, place + len(NAME)) >= 0:
        return None
    return body[:place] + FIELDS[tier] + body[field.end() :]


def last_usage(text: bytes) -> Tokens | None:
    """Return the tokens of the last usage object in a JSON text, of which the start may be missing.

    Within a string no quote is plain, so that it is never the words of a model.
    """
    place = text.rfind(b'"usage"')
    found = _USAGE.match(text, place) if place >= 0 else None
    return tokens_of(_document(found[1])) if found else None


def tokens_of(usage: Any) -> Tokens | None:
    """Return the tokens of a usage object of chat completions, responses or embeddings.

    None if it does not say both what went in and what came out.
    """
    prompt, output, cached = _counts(usage)
    if prompt is None or output is None:
        return None
    return Tokens(prompt, output, min(cached, prompt))


def _counts(usage: Any) -> tuple[int | None, int | None, int]:
    """Return the input, the output, and the cached part of the input. None: it does not say."""
    if type(usage) is not dict:
        return None, None, 0
    prompt = _count(usage, "prompt_tokens", "input_tokens")
    output = _count(usage, "completion_tokens", "output_tokens")
    if output is None and prompt is not None:
        total = _count(usage, "total_tokens", "total_tokens")  # All that embeddings have.
        output = None if total is None else max(0, total - prompt)
    details = usage.get("prompt_tokens_details") or usage.get("input_tokens_details")
    cached = details.get("cached_tokens") if type(details) is dict else 0
    return prompt, output, cached if _is_count(cached) else 0


def _count(usage: dict[str, Any], of_chat: str, of_responses: str) -> int | None:
    value = usage.get(of_chat)
    if value is None:
        value = usage.get(of_responses)
    return value if _is_count(value) else None


def _is_count(value: Any) -> TypeGuard[int]:
    return type(value) is int and 0 <= value <= MOST_TOKENS


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
