"""A stream of events on its way to the client: its usage is read, and little is changed.

Most chunks are only searched, by C code, and passed on as they came. Parsed are the events that
tell the usage; changed are `service_tier`, which says what served the request here, and what the
client would not have seen without our asking for the usage.
"""

import re
from typing import Any

import orjson

from capacity.gateway.admission import Tokens
from capacity.gateway.answers import tokens_of

LONGEST_EVENT = 1024 * 1024
"""A longer one, or what is no stream of events at all, is passed on unread."""

_USAGE = re.compile(rb'"usage"\s*:\s*\{')
_TIER = re.compile(rb'"service_tier"\s*:\s*(?:null|"[^"\\]*")')
_FINISHED = re.compile(rb'"finish_reason"\s*:\s*"')
_NO_USAGE = (b',"usage":null', b', "usage": null')
_DELTA = b'"delta"'


class EventStream:
    """Reads a stream of chat completions or of responses, and says what to pass on.

    `usage` is what the stream said last of its tokens; None before it said anything.
    """

    def __init__(self, *, tier: str, hides_usage: bool) -> None:
        self.usage: Tokens | None = None
        self._deltas = 0
        self._tier = b'"service_tier":"%b"' % tier.encode()
        self._has_tier = False
        self._hides_usage = hides_usage
        self._rest = b""
        self._is_unread = False

    @property
    def counted_tokens(self) -> int:
        """Return how many tokens were passed on, if each event brings one; the first brings none.

        It is what is known of a stream that ended before it told its usage.
        """
        return max(0, self._deltas - 1)

    def feed(self, chunk: bytes) -> bytes:
        """Return what to pass on of a chunk: whole events. The start of another one is kept."""
        if self._is_unread:
            return chunk
        if self._rest:
            chunk = self._rest + chunk
            self._rest = b""
        if not chunk.endswith((b"\n\n", b"\n\r\n")):
            end = max(chunk.rfind(b"\n\n") + 2, chunk.rfind(b"\n\r\n") + 3)
            end = 0 if end < 3 else end  # Neither was found.
            if len(chunk) - end > LONGEST_EVENT:
                self._is_unread = True
                return chunk
            self._rest, chunk = chunk[end:], chunk[:end]
        return self._events(chunk) if chunk else b""

    def end(self) -> bytes:
        """Return what is left when the upstream has ended: an event without its empty line."""
        rest, self._rest = self._rest, b""
        return rest

    def _events(self, events: bytes) -> bytes:
        self._deltas += events.count(_DELTA)
        if self._hides_usage:
            for text in _NO_USAGE:
                events = events.replace(text, b"")
        if b'"service_tier"' in events:
            self._has_tier = True
            events = _TIER.sub(self._tier, events)
        if _USAGE.search(events) or (not self._has_tier and _FINISHED.search(events)):
            events = b"".join(map(self._event, re.split(rb"(?<=\n\n)|(?<=\n\r\n)", events)))
        return events

    def _event(self, event: bytes) -> bytes:
        """Return what to pass on of an event, which may tell the usage or finish the stream."""
        if not _USAGE.search(event) and not _FINISHED.search(event):
            return event
        head, mark, data = event.partition(b"data:")
        document = _parse(data)
        if document is None:
            return event
        inner = document.get("response")
        answer: dict[str, Any] = inner if isinstance(inner, dict) else document
        self.usage = tokens_of(answer.get("usage")) or self.usage
        changed = False
        if self._hides_usage and answer.pop("usage", None) is not None:
            if not answer.get("choices"):
                return b""
            changed = True
        if "service_tier" not in answer:
            answer["service_tier"] = orjson.loads(self._tier.partition(b":")[2])
            changed = True
        return head + mark + b" " + orjson.dumps(document) + b"\n\n" if changed else event


def _parse(data: bytes) -> dict[str, Any] | None:
    try:
        document = orjson.loads(data)
    except orjson.JSONDecodeError:
        return None
    return document if isinstance(document, dict) else None
