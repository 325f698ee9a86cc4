"""Plain answers: their tier beside a parser that dumps all of it, and what they used."""

import json
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from capacity.gateway.answers import read_answer, tokens_of
from capacity.gateway.requests import Tokens

fields = st.dictionaries(
    st.sampled_from(["id", "service_tier", "choices", "output", "nested", "é"]),
    st.recursive(
        st.sampled_from([None, "default", '"service_tier":"x"', "service_tier", "é", 1.5, 2**60]),
        lambda inner: (
            st.lists(inner, max_size=2)
            | st.dictionaries(st.sampled_from(["service_tier", "a"]), inner, max_size=2)
        ),
        max_leaves=4,
    ),
)


@given(fields, st.sampled_from([None, (",", ":")]), st.booleans(), st.sampled_from(["", "\n "]))
def test_an_answer_says_its_tier_and_all_else_as_it_came(
    document: dict[str, Any], separators: Any, is_ascii: bool, end: str
) -> None:
    text = json.dumps(document, separators=separators, ensure_ascii=is_ascii) + end
    answer, _ = read_answer(text.encode(), "scale", estimate=1)
    assert json.loads(answer) == {**document, "service_tier": "scale"}


@pytest.mark.parametrize(
    ("usage", "used"),
    [
        ({"prompt_tokens": 5, "completion_tokens": 2}, Tokens(5, 2)),
        ({"input_tokens": 5, "output_tokens": 0}, Tokens(5, 0)),
        ({"prompt_tokens": 5, "total_tokens": 5}, Tokens(5, 0)),
        ({"prompt_tokens": 5, "total_tokens": 9}, Tokens(5, 4)),
        (
            {"prompt_tokens": 5, "completion_tokens": 2, "prompt_tokens_details": None},
            Tokens(5, 2),
        ),
        (
            {
                "input_tokens": 5,
                "output_tokens": 2,
                "input_tokens_details": {"cached_tokens": 9},
            },
            Tokens(5, 2, 5),
        ),
        ({"prompt_tokens": 5}, Tokens(5, 7)),
        ({"completion_tokens": 2}, Tokens(33, 2)),
        ({"completion_tokens": 2, "total_tokens": 9}, Tokens(33, 2)),
        ({"prompt_tokens": -1, "completion_tokens": True}, Tokens(33, 7)),
        ({"prompt_tokens": 10**13, "completion_tokens": "2"}, Tokens(33, 7)),
        ({}, Tokens(33, 7)),
        (None, Tokens(33, 7)),
        ([5, 2], Tokens(33, 7)),
    ],
)
def test_what_a_usage_does_not_say_is_estimated(usage: Any, used: Tokens) -> None:
    """The text of the answer is 28 bytes, or 7 tokens."""
    body = orjson.dumps({"usage": usage, "choices": [{"text": "four" * 7}]})
    assert read_answer(body, "default", estimate=33)[1] == used
    is_whole = 7 not in used and 33 not in used
    assert tokens_of(usage) == (used if is_whole else None)


def test_an_answer_that_clients_read_is_one_though_it_is_not_strict() -> None:
    usage = b'"usage":{"prompt_tokens":1,"completion_tokens":1}'
    deep = b"[" * 500 + b"]" * 500
    for odd in (b'"\\ud83d"', b"NaN", deep):
        body = b'{"output":%b,%b}' % (odd, usage)
        answer, used = read_answer(body, "scale", estimate=0)
        assert answer == body[:-1] + b',"service_tier":"scale"}'
        assert used == Tokens(1, 1)
    unchanged = b'{"a":%b,"service_tier":"x","service_tier":"y",%b}' % (deep, usage)
    assert read_answer(unchanged, "scale", estimate=0) == (unchanged, Tokens(1, 1))
    half = b'{"choices":[{"text":"\\ud83d"}]}'
    assert read_answer(half, "scale", estimate=2)[1] == Tokens(2, 1)
    for none in (b"", b"[1]", b'{"a":', b"[" * 100_000):
        assert read_answer(none, "scale", estimate=0) == (none, None)


def test_a_large_answer_is_not_parsed_and_reads_the_same() -> None:
    """Parsed, the unfinished number in its middle would make it no answer at all."""
    numbers = b",".join([b"0.012345"] * 40_000)
    usage = b'"usage":{"prompt_tokens":9,"total_tokens":9,"prompt_tokens_details":{"audio":0}}'
    body = b'{"data":[{"embedding":[%b,1.]}],%b}' % (numbers, usage)
    used = Tokens(9, 0)
    assert read_answer(body, "scale", estimate=0) == (
        body[:-1] + b',"service_tier":"scale"}',
        used,
    )
    told = body[:-1] + b', "service_tier" : null}'
    assert read_answer(told, "default", estimate=0) == (
        body[:-1] + b', "service_tier":"default"}',
        used,
    )
    silent = body.replace(usage, b'"usage":{}')
    assert read_answer(silent, "scale", estimate=0) == (silent, None)
    assert read_answer(body + b"]", "scale", estimate=0) == (body + b"]", None)
