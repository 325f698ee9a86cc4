"""A stream of events on its way to the client: its usage is read, and little is changed.

Most chunks are only searched, by C code, and passed on as they came. Parsed are the events that
tell the usage; changed are `service_tier`, which says what served the request here, and what the
client would not have seen without our asking for the usage.
"""

import re
from typing import Any

import orjson

from capacity.gateway.answers import FIELDS, TIER, last_usage, tokens_of
from capacity.gateway.requests import Tokens

LONGEST_EVENT = 1024 * 1024
"""A longer one is passed on as it comes, and what is no stream of events as well. Of either only
the end is looked at: there an event that finishes a response tells its usage."""
END_OF_EVENT = 16 * 1024
BLANKS = (b"\n\n", b"\n\r\n")
"""What ends an event."""
BEFORE = 2
"""Of what came before a chunk, the bytes with which it may end an event."""

_USAGE = re.compile(rb'"usage"\s*:\s*\{')
_FINISHED = re.compile(rb'"finish_reason"\s*:\s*"')
_DATA = re.compile(rb"^data:([^\r\n]*)", re.MULTILINE)
_AFTER_EVENT = re.compile(rb"(?<=\n\n)|(?<=\n\r\n)")
_NO_USAGE = (b',"usage":null', b', "usage": null')
_DELTA = b'"delta"'


class EventStream:
    """Reads a stream of chat completions or of responses, and says what to pass on.

    `usage` is what the stream said last of its tokens; None before it said anything.
    """

    def __init__(self, *, tier: str, hides_usage: bool) -> None:
        self.usage: Tokens | None = None
        self._deltas = 0
        self._tier = tier
        self._has_tier = False
        self._hides_usage = hides_usage
        self._held: list[bytes] = []
        """The start of an event, of whose end nothing came yet."""
        self._held_bytes = 0
        self._end_of_long = b""
        """The last that was passed on of an event that is too long to be held."""

    @property
    def counted_tokens(self) -> int:
        """Return how many tokens were passed on, if each event brings one; the first brings none.

        It is what is known of a stream that ended before it told its usage.
        """
        return max(0, self._deltas - 1)

    def feed(self, chunk: bytes) -> bytes:
        """Return what to pass on of a chunk: whole events. The start of another one is kept."""
        if not self._held and not self._end_of_long and chunk.endswith(BLANKS):
            return self._events(chunk)
        if self._end_of_long:
            return self._feed_long(chunk)
        end = _last_end(b"".join(self._held[-BEFORE:])[-BEFORE:], chunk)
        if not end:
            return self._hold(chunk)
        events, rest = b"".join((*self._held, chunk[:end])), chunk[end:]
        self._held, self._held_bytes = [], 0
        return self._events(events) + (self._hold(rest) if rest else b"")

    def end(self) -> bytes:
        """Return what is left when the upstream has ended: an event without its empty line."""
        if self._end_of_long:
            self._read_end_of_long()
        rest, self._held = b"".join(self._held), []
        return self._events(rest) if rest else b""

    def _hold(self, start: bytes) -> bytes:
        """Keep the start of an event, unless it is too long: then pass it on."""
        if start:
            self._held.append(start)
            self._held_bytes += len(start)
        if self._held_bytes <= LONGEST_EVENT:
            return b""
        passed, self._held, self._held_bytes = b"".join(self._held), [], 0
        self._end_of_long = passed[-END_OF_EVENT:]
        return passed

    def _feed_long(self, chunk: bytes) -> bytes:
        """Pass on more of an event that is too long, and read on after its end."""
        end = _first_end(self._end_of_long[-BEFORE:], chunk)
        passed = chunk[:end] if end else chunk
        self._end_of_long = (self._end_of_long + passed)[-END_OF_EVENT:]
        if not end:
            return passed
        self._read_end_of_long()
        rest = chunk[end:]
        return passed + self.feed(rest) if rest else passed

    def _read_end_of_long(self) -> None:
        """Read the usage of an event that was passed on."""
        self.usage = last_usage(self._end_of_long) or self.usage
        self._end_of_long = b""

    def _events(self, events: bytes) -> bytes:
        self._deltas += events.count(_DELTA)
        if self._hides_usage:
            for text in _NO_USAGE:
                events = events.replace(text, b"")
        if b'"service_tier"' in events:
            self._has_tier = True
            events = TIER.sub(FIELDS[self._tier], events)
        if _USAGE.search(events) or (not self._has_tier and _FINISHED.search(events)):
            events = b"".join(map(self._event, _AFTER_EVENT.split(events)))
        return events

    def _event(self, event: bytes) -> bytes:
        """Return what to pass on of an event, which may tell the usage or finish the stream."""
        if not _USAGE.search(event) and not _FINISHED.search(event):
            return event
        lines = list(_DATA.finditer(event))
        document = _parse(b"\n".join(line[1] for line in lines))
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
            answer["service_tier"] = self._tier
            changed = True
        if not changed:
            return event
        try:
            data = orjson.dumps(document)
        except orjson.JSONEncodeError:  # It is nested too deeply.
            return event
        return event[: lines[0].start(1)] + b" " + data + event[lines[-1].end() :]


def _last_end(before: bytes, chunk: bytes) -> int:
    """Return where the last event of a chunk ends; 0 if none ends in it."""
    text = before + chunk
    ends = [text.rfind(blank) + len(blank) for blank in BLANKS if blank in text]
    return max(ends) - len(before) if ends else 0


def _first_end(before: bytes, chunk: bytes) -> int:
    """Return where the first event of a chunk ends; 0 if none ends in it."""
    text = before + chunk
    ends = [text.find(blank) + len(blank) for blank in BLANKS if blank in text]
    return min(ends) - len(before) if ends else 0


def _parse(data: bytes) -> dict[str, Any] | None:
    try:
        document = orjson.loads(data)
    except orjson.JSONDecodeError:
        return None
    return document if isinstance(document, dict) else None
