"""A strict parser of JSON: ambiguous JSON is refused."""

import json
from collections.abc import Mapping
from typing import IO, Any

from django.utils.http import parse_header_parameters
from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser

MAX_BYTES = 10_000_000


class StrictJSONParser(BaseParser):
    """Parses UTF-8 JSON. Raises ParseError for repeated names and for NaN and Infinity."""

    media_type = "application/json"

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        _, parameters = parse_header_parameters(media_type or self.media_type)
        if parameters.get("charset", "utf-8").lower() not in {"utf-8", "utf8"}:
            raise ParseError("The body has to be UTF-8, and its content type to say so.")
        body = stream.read(MAX_BYTES + 1)
        if len(body) > MAX_BYTES:
            raise ParseError(f"A body has at most {MAX_BYTES:,} bytes.")
        try:
            text = body.decode()
            data = json.loads(
                text, object_pairs_hook=_unique_names, parse_constant=_refuse_constant
            )
            if "\\u" in text:
                _check_encodable(data)
        except RecursionError:
            raise ParseError("The body is not valid JSON: it is nested too deeply.") from None
        except ValueError as error:
            raise ParseError(f"The body is not valid JSON: {error}") from None
        return data


def _unique_names(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    named = dict(pairs)
    if len(named) < len(pairs):
        seen: set[str] = set()
        for name, _ in pairs:
            if name in seen:
                raise ValueError(f"{name!a} is there twice.")
            seen.add(name)
    return named


def _refuse_constant(constant: str) -> Any:
    raise ValueError(f"{constant} is not a number of JSON.")


def _check_encodable(data: Any) -> None:
    """Raises ValueError for half of a surrogate pair: no response could have it as text."""
    try:
        json.dumps(data, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise ValueError("it holds half of a surrogate pair.") from None
