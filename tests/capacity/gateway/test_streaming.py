"""Streams of events, in whatever pieces they come."""

import json
from collections.abc import Iterable, Iterator
from itertools import cycle
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capacity.gateway import streaming
from capacity.gateway.requests import Tokens
from capacity.gateway.streaming import END_OF_EVENT, LONGEST_EVENT, EventStream

USAGE = {"prompt_tokens": 9, "completion_tokens": 5, "prompt_tokens_details": {"cached_tokens": 2}}
USED = Tokens(input=9, output=5, cached=2)


def chunk(content: str | None, **fields: Any) -> dict[str, Any]:
    finish = None if content else "stop"
    choice = {"index": 0, "delta": {"content": content}, "finish_reason": finish}
    return {"id": "chatcmpl-1", "choices": [choice], **fields}


def event(document: dict[str, Any], *, line: str = "\n", name: str = "") -> bytes:
    head = f"event: {name}{line}" if name else ""
    return f"{head}data: {json.dumps(document)}{line}{line}".encode()


def pieces(line: str, *, has_tier: bool) -> st.SearchStrategy[bytes]:
    """Parts of a stream, in which each chunk has a tier, or none has."""
    tier = {"service_tier": "default"} if has_tier else {}
    documents = (
        chunk("a", **tier),
        chunk('"usage":{"prompt_tokens":7} é\n\n', **tier),
        chunk("b", usage=None, **tier),
        chunk("c", usage={}, **tier),
        chunk("x" * 300, **tier),
        chunk("y" * 300, usage=USAGE, **tier),
        chunk(None, **tier),
        {"choices": [], "usage": USAGE, **tier},
    )
    texts = (
        ": a comment",
        "data: [DONE]",
        'data: {"half":',
        f'data: {{"choices":{line}data: [], "usage":{json.dumps(USAGE)}}}{line}id: 1',
    )
    completed = event({"response": {"usage": USAGE, **tier}}, line=line, name="response.completed")
    return st.sampled_from(
        [
            *(event(document, line=line) for document in documents),
            *(f"{text}{line}{line}".encode() for text in texts),
            completed,
        ]
    )


streams = st.tuples(st.sampled_from(["\n", "\r\n"]), st.booleans()).flatmap(
    lambda kind: st.lists(pieces(kind[0], has_tier=kind[1]), max_size=6).map(b"".join)
)
sizes = st.lists(st.integers(1, 400), min_size=1, max_size=5)


def cut(whole: bytes, sizes: list[int]) -> Iterator[bytes]:
    """Yield a stream in pieces of those sizes, over and over."""
    position = 0
    for size in cycle(sizes):
        if position >= len(whole):
            return
        yield whole[position : position + size]
        position += size


def pass_on(parts: Iterable[bytes], *, hides_usage: bool) -> tuple[bytes, Tokens | None, int]:
    events = EventStream(tier="scale", hides_usage=hides_usage)
    passed = b"".join(map(events.feed, parts)) + events.end()
    return passed, events.usage, events.counted_tokens


@settings(max_examples=80)
@given(streams, st.booleans(), st.booleans(), sizes)
def test_it_does_not_matter_in_what_pieces_a_stream_comes(
    whole: bytes, is_cut: bool, hides_usage: bool, sizes: list[int]
) -> None:
    whole = whole.rstrip() if is_cut else whole
    expected = pass_on([whole], hides_usage=hides_usage)
    if not is_cut:  # A whole event is passed on at once.
        events = EventStream(tier="scale", hides_usage=hides_usage)
        assert b"".join(map(events.feed, cut(whole, [1]))) == expected[0]
    assert pass_on(cut(whole, sizes), hides_usage=hides_usage) == expected
    assert pass_on(cut(whole, [1]), hides_usage=hides_usage) == expected


@settings(max_examples=40)
@given(streams, sizes)
def test_after_an_event_that_is_too_long_the_stream_is_read_on(
    whole: bytes, sizes: list[int]
) -> None:
    """An event of more than 200 bytes is too long here: some are, and the last ones are not."""
    last = event({"choices": [], "usage": USAGE}) + b"data: [DONE]\n\n"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(streaming, "LONGEST_EVENT", 200)
        events = EventStream(tier="scale", hides_usage=True)
        passed = b""
        for part in cut(whole + last, sizes):
            passed += events.feed(part)
            assert events._held_bytes <= 200
        passed += events.end()
    assert events.usage == USED
    assert passed.endswith(b"data: [DONE]\n\n")
    assert not passed.endswith(last)
    for text in (b"x" * 300, b"y" * 300, b"[DONE]", b"comment"):
        assert passed.count(text) == (whole + last).count(text)


@pytest.mark.parametrize("size", [65_536, LONGEST_EVENT * 4])
def test_the_usage_at_the_end_of_a_long_event_is_read(size: int) -> None:
    image = {"type": "image_generation_call", "usage": {}, "result": "QUJD" * LONGEST_EVENT}
    usage = {"input_tokens": 30, "output_tokens": 4_000, "input_tokens_details": {}}
    response = {"output": [image], "tools": [{"usage": {}}], "usage": usage, "metadata": {}}
    body = event(chunk("a")) + event({"response": response}) + event(chunk("b"))
    events = EventStream(tier="scale", hides_usage=False)
    passed = b"".join(events.feed(body[at : at + size]) for at in range(0, len(body), size))
    assert passed + events.end() == body
    assert events.usage == Tokens(30, 4_000)
    assert events.counted_tokens == 1
    last = EventStream(tier="scale", hides_usage=False)
    last.feed(event({"response": response}).rstrip())
    assert len(last._end_of_long) == END_OF_EVENT
    assert last.end() == b""
    assert last.usage == Tokens(30, 4_000)


def test_what_is_changed_is_the_data_alone() -> None:
    events = EventStream(tier="scale", hides_usage=True)
    head, tail = b": note\r\nevent: x\r\n", b"id: 7\r\n\r\n"
    data = json.dumps(chunk(None, usage=USAGE)).encode()
    passed = events.feed(head + b"data: " + data + b"\r\n" + tail)
    assert passed.startswith(head + b"data: {")
    assert passed.endswith(b"}\r\n" + tail)
    document = json.loads(passed.splitlines()[2][5:])
    assert (document["service_tier"], "usage" in document) == ("scale", False)
    assert events.usage == USED
    deep = b'data: {"usage":{"prompt_tokens":1,"completion_tokens":1},"a":%b}\n\n'
    deep %= b"[" * 500 + b"]" * 500
    unfinished = EventStream(tier="scale", hides_usage=True)
    assert unfinished.feed(b"data: " + data) + unfinished.end() == passed.splitlines()[2]
    assert unfinished.usage == USED
    shown = EventStream(tier="scale", hides_usage=False)
    assert shown.feed(deep) == deep
    assert shown.usage == Tokens(1, 1)
