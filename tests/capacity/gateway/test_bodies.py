"""What is read of a body, and what of it goes upstream, beside a parser that dumps all of it."""

import json
from collections import Counter
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from capacity.gateway.bodies import CHAT, EMBEDDINGS, MEANT, RESPONSES, ModelRequest, Options
from capacity.gateway.errors import GatewayError

Pairs = list[tuple[str, Any]]

contents = st.sampled_from(["Hi", "é", '"model"', '\\u006d "n":2', "messages", "\x00"])
pairs = st.lists(
    st.one_of(
        st.tuples(st.just("stream"), st.booleans()),
        st.tuples(st.just("n"), st.integers(1, 128)),
        st.tuples(st.just("max_tokens"), st.none() | st.integers(0, 9)),
        st.tuples(st.just("service_tier"), st.sampled_from(["auto", "default", None])),
        st.tuples(st.just("stream_options"), st.sampled_from([None, {}, {"include_usage": False}])),
        st.tuples(st.sampled_from(["messages", "input", "tools"]), st.lists(contents, max_size=2)),
        st.tuples(st.sampled_from(["seed", "user", "model "]), st.integers() | contents),
    ),
    max_size=6,
)
spellings = st.sampled_from(["plain", "ascii", "escaped"])


def write(document: Pairs, spelling: str, space: str) -> bytes:
    """Write pairs as JSON: names may be there twice, and spelled with escapes."""

    def name(text: str) -> str:
        if spelling == "escaped":
            return '"' + "".join(f"\\u{ord(letter):04x}" for letter in text) + '"'
        return json.dumps(text)

    written = (
        f"{name(each)}{space}:{json.dumps(value, ensure_ascii=spelling == 'ascii')}"
        for each, value in document
    )
    return ("{" + f"{space},".join(written) + "}" + space).encode()


@given(pairs, st.sampled_from([CHAT, RESPONSES, EMBEDDINGS]), spellings, st.sampled_from(["", " "]))
def test_what_goes_upstream_reads_one_way_and_as_it_was_read_here(
    more: Pairs, path: str, spelling: str, space: str
) -> None:
    pairs = [("model", "gpt"), *more]
    body = write(pairs, spelling, space)
    asked = ModelRequest.read(path, body, default_output=10)
    expected = json.loads(body)
    expected.pop("service_tier", None)
    if asked.hides_usage:
        options = expected.get("stream_options") or {}
        expected["stream_options"] = {**options, "include_usage": True}
    assert json.loads(asked.body) == expected
    sent: Pairs = json.loads(asked.body, object_pairs_hook=list)
    names = Counter(name for name, _ in sent)
    assert all(names[field] <= 1 for field in MEANT)


def test_an_estimate_counts_what_is_sent_and_any_schema_of_a_tool() -> None:
    def read(body: bytes, path: str = RESPONSES) -> ModelRequest:
        return ModelRequest.read(path, body, default_output=10)

    for name in (b"input", b"inp\\u0075t"):
        twice = read(b'{"model":"m","%b":"%b","input":"short"}' % (name, b"long " * 100))
        assert twice.prompt_tokens == 2
        assert twice.body == b'{"model":"m","input":"short"}'
    schema = {"properties": {"a": {"type": ["string", "null"], "enum": ["x", None, 1, 2.5]}}}
    tools = [{"type": "function", "parameters": {"type": "object", **schema}}]
    assert (
        read(orjson.dumps({"model": "m", "tools": tools})).prompt_tokens == 7
    )  # 25 bytes of text.
    parts = [
        {"type": "image_url", "image_url": {"url": "data:" + "A" * 9_999}},
        {"type": "image_url", "image_url": {"url": "data:", "detail": "low"}},
        {"type": "input_audio", "input_audio": {"data": "A" * 9_999}},
        {"type": "text", "text": "é" * 4},
    ]
    body = orjson.dumps({"model": "m", "messages": [{"role": "user", "content": parts}]})
    assert read(body).prompt_tokens == 765 + 85 + 1_000 + 3 + 4  # "user", "text", eight bytes.
    ids = orjson.dumps({"model": "m", "input": [[1, 2, 3], [4]]})
    assert (read(ids, EMBEDDINGS).prompt_tokens, read(ids, EMBEDDINGS).output_tokens) == (4, 0)
    choices = orjson.dumps({"model": "m", "max_tokens": 7, "n": 2, "best_of": 3})
    assert read(choices, CHAT).output_tokens == 21


def test_what_would_be_answered_later_or_in_another_tier_is_refused_by_name() -> None:
    for field, value in (("background", True), ("background", "yes"), ("service_tier", "priority")):
        body = orjson.dumps({"model": "m", "stream": True, field: value})
        with pytest.raises(GatewayError, match=f"'{field}' is") as refusal:
            ModelRequest.read(RESPONSES, body, default_output=10)
        assert refusal.value.param == field
    for nothing in (None, False):
        body = orjson.dumps({"model": "m", "background": nothing})
        assert ModelRequest.read(RESPONSES, body, default_output=10).body == body


def test_headers_of_any_bytes_are_read() -> None:
    options = Options.read(
        {b"x-pt-id": b" \xff\xc3 ", b"openai-project": b"", b"x-pt-disable": b"TRUE "}
    )
    assert (options.pool, options.project, options.disabled) == ("ÿÃ", "", True)
    with pytest.raises(GatewayError, match="true or false"):
        Options.read({b"x-pt-disable": b"\xff"})
