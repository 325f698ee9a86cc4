"""What a client asks for: its headers and body, read once and checked before any goes upstream.

The body goes upstream byte for byte, except for what is decided here: `service_tier` is taken out,
and a stream is asked for its usage. A body that two parsers could read differently goes upstream as
it was read here, so that what was checked is what is sent.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import orjson

from capacity.gateway import estimates
from capacity.gateway.errors import GatewayError, invalid

CHAT, RESPONSES, EMBEDDINGS = "/v1/chat/completions", "/v1/responses", "/v1/embeddings"

SERVICE_TIERS = ("auto", "default", "scale")
"""`default` declines capacity, the others use it. What else OpenAI sells is not sold here."""

MEANT = {
    field: field.encode()
    for field in (
        *("model", "stream", "stream_options", "service_tier", "background"),
        *(*estimates.CHOICES, *estimates.OUTPUT_LIMITS, *estimates.PROMPT_FIELDS),
    )
}
"""The fields that decide something here, as they stand in a body."""

SHORT = 16 * 1024
"""Bytes of a body whose pieces are few enough to be made."""

ESCAPED_LETTER = re.compile(rb"\\u00[5-7]")
"""In the name of a field none is needed; other escapes, as of accents, are common in texts."""

INCLUDE_USAGE = b',"stream_options":{"include_usage":true}}'


@dataclass(slots=True)
class Options:
    """The headers that choose what serves a request. Empty: not sent."""

    pool: str = ""
    project: str = ""
    disabled: bool = False

    @classmethod
    def read(cls, headers: Mapping[bytes, bytes]) -> "Options":
        """Read the headers, whose names are lower-case. Raises GatewayError."""
        disable = headers.get(b"x-pt-disable")
        if disable is not None:
            disable = disable.strip().lower()
            if disable not in {b"true", b"false"}:
                raise invalid("'x-pt-disable' is true or false.", param="x-pt-disable")
        return cls(
            pool=_text(headers, b"x-pt-id"),
            project=_text(headers, b"openai-project"),
            disabled=disable == b"true",
        )


def _text(headers: Mapping[bytes, bytes], name: bytes) -> str:
    value = headers.get(name)
    return value.decode("latin-1").strip() if value else ""


@dataclass(slots=True)
class ModelRequest:
    """The body of a request: what decides, and the bytes that go upstream."""

    model: str
    body: bytes
    is_stream: bool
    hides_usage: bool
    """The usage of the stream is asked for here; the client did not ask for it."""
    declines_capacity: bool
    prompt_tokens: int
    output_tokens: int

    @classmethod
    def read(cls, path: str, body: bytes, *, default_output: int) -> "ModelRequest":
        """Read the body of a POST to one of the three paths. Raises GatewayError."""
        document = _document(body)
        model = document.get("model")
        if type(model) is not str or not model:
            raise invalid("'model' is the id of a model snapshot.", param="model")
        tier = document.get("service_tier")
        if tier is not None and tier not in SERVICE_TIERS:
            sold = ", ".join(SERVICE_TIERS)
            raise _not_sold("service_tier", f"is one of {sold}: no other is sold here")
        if document.get("background"):
            raise _not_sold("background", "is not offered: nothing would count what it uses")
        is_stream = _is_stream(document) and path != EMBEDDINGS
        hides_usage = is_stream and path == CHAT and not _includes_usage(document)
        output = (
            0 if path == EMBEDDINGS else estimates.output_tokens(document, default=default_output)
        )
        prompt = estimates.prompt_tokens(document)
        return cls(
            model=model,
            body=_upstream_body(body, document, adds_usage=hides_usage),
            is_stream=is_stream,
            hides_usage=hides_usage,
            declines_capacity=tier == "default",
            prompt_tokens=prompt,
            output_tokens=output,
        )


def _document(body: bytes) -> dict[str, Any]:
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise invalid(f"The body is not JSON: {error}.", code="invalid_json") from None
    if type(document) is not dict:
        raise invalid("The body is a JSON object.", code="invalid_json")
    return document


def _is_stream(document: Mapping[str, Any]) -> bool:
    stream = document.get("stream")
    if stream is not None and not isinstance(stream, bool):
        raise invalid("'stream' is true or false.", param="stream")
    return bool(stream)


def _includes_usage(document: Mapping[str, Any]) -> bool:
    options = document.get("stream_options")
    if options is not None and not isinstance(options, dict):
        raise invalid("'stream_options' is an object.", param="stream_options")
    return bool(options and options.get("include_usage"))


def _upstream_body(body: bytes, document: dict[str, Any], *, adds_usage: bool) -> bytes:
    changed = "service_tier" in document or (adds_usage and "stream_options" in document)
    if not changed and (_is_compact(body, document) or _reads_one_way(body, document)):
        return body.rstrip()[:-1] + INCLUDE_USAGE if adds_usage else body
    document.pop("service_tier", None)
    if adds_usage:
        options = document.get("stream_options") or {}
        document["stream_options"] = {**options, "include_usage": True}
    try:
        return orjson.dumps(document)
    except orjson.JSONEncodeError:
        raise invalid("The body is nested too deeply.", code="invalid_json") from None


def _is_compact(body: bytes, document: dict[str, Any]) -> bool:
    """Return whether a body is written as we would write it, as OpenAI's clients do.

    Then no field is there twice, and none is escaped. It takes less time than to look for that.
    """
    try:
        return orjson.dumps(document) == body
    except orjson.JSONEncodeError:  # It is nested too deeply.
        return False


def _reads_one_way(body: bytes, document: Mapping[str, Any]) -> bool:
    """Return whether no field that decides something can be there twice, or written with escapes.

    It may return False for a body that reads one way, and never True for another. Within a string
    its quotes are escaped, so that a field is only found as a name, or as a whole string.
    """
    # To split a short body and compare the pieces takes a third of a search for each field.
    quoted = body.split(b'"') if len(body) <= SHORT else None
    for field in document:
        name = MEANT.get(field)
        if name is None:
            continue
        if (quoted.count(name) if quoted else body.count(b'"%b"' % name)) > 1:
            return False
    return b"\\" not in body or ESCAPED_LETTER.search(body) is None


def _not_sold(field: str, why: str) -> GatewayError:
    return invalid(f"'{field}' {why}.", param=field)


def refuse_pool(pool: str) -> GatewayError:
    """Return the refusal of `x-pt-id`: unknown, another model's and foreign ids look alike."""
    return GatewayError(
        HTTPStatus.NOT_FOUND,
        "pool_not_found",
        f"There is no pool '{pool:.80}' for this model in your organization.",
        param="x-pt-id",
    )
