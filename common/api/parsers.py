"""Reading JSON strictly: what could be meant in two ways is not guessed at."""

import json
from collections.abc import Mapping
from typing import IO, Any

from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser

MAX_BYTES = 10_000_000


class StrictJSONParser(BaseParser):
    """UTF-8 JSON, with no name given twice and no number that JSON does not know."""

    media_type = "application/json"

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        body = stream.read(MAX_BYTES + 1)
        if len(body) > MAX_BYTES:
            raise ParseError(f"A body has at most {MAX_BYTES:,} bytes.")
        try:
            text = body.decode()
            data = json.loads(text, object_pairs_hook=_named_once, parse_constant=_not_json)
            if "\\u" in text:
                _encodable(data)
        except RecursionError:
            raise ParseError("The body is not valid JSON: it is nested too deeply.") from None
        except ValueError as error:
            raise ParseError(f"The body is not valid JSON: {error}") from None
        return data


def _named_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    named: dict[str, Any] = {}
    for name, value in pairs:
        if name in named:
            raise ValueError(f"{name!a} is there twice.")
        named[name] = value
    return named


def _not_json(constant: str) -> Any:
    raise ValueError(f"{constant} is not a number of JSON.")


def _encodable(data: Any) -> None:
    """Half a surrogate pair, escaped, is legal JSON and no text: it could never be answered."""
    try:
        json.dumps(data, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise ValueError("it holds half of a surrogate pair.") from None
