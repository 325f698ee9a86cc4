"""Bodies on their way in: what is too much is refused before the gateway stands still for it."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capacity.gateway.errors import GatewayError
from capacity.gateway.incoming import (
    MOST_CONTAINERS,
    MOST_VALUES,
    SMALL,
    BodyBudget,
    IncomingBody,
    Structure,
)
from capacity.gateway.limits import Limits
from tests.loops import run

CHUNK = 32_768
"""As the server gives them."""
HOSTILE = ("[", '{"a":', "[],", '{"ab":"cd"},', "1,", '"",', '"', '"[\\\\",{},')

documents = st.recursive(
    st.none() | st.integers() | st.text('"\\[]{},:aé\n'),
    lambda inner: st.lists(inner) | st.dictionaries(st.text('"\\[{,k'), inner),
)


def count(document: Any) -> tuple[int, int, int]:
    """Return the objects and lists, the values, and the strings, names too.

    One more value is counted for what is empty, as by `Structure`.
    """
    if isinstance(document, str):
        return 0, 1, 1
    if not isinstance(document, (list, dict)):
        return 0, 1, 0
    inner = list(document.values() if isinstance(document, dict) else document)
    counts = [count(value) for value in inner]
    containers, values, strings = (
        (sum(each) for each in zip(*counts, strict=True)) if counts else (*(0, 1, 0),)
    )
    names = len(document) if isinstance(document, dict) else 0
    return containers + 1, values + 1, strings + names


@given(documents, st.booleans(), st.lists(st.integers(1, 9), min_size=1))
def test_what_a_document_holds_is_counted_however_it_comes(
    document: Any, is_ascii: bool, sizes: list[int]
) -> None:
    body, structure = json.dumps(document, ensure_ascii=is_ascii).encode(), Structure()
    position = turn = 0
    while position < len(body):
        size = sizes[turn % len(sizes)]
        structure.feed(body[position : position + size])
        position, turn = position + size, turn + 1
    containers, values, strings = count(document)
    assert (structure.containers, structure.quotes) == (containers, 2 * strings)
    assert structure.values == values


class Client:
    """Sends a body in chunks, and may leave before it is whole."""

    def __init__(self, body: bytes, *, leaves: bool = False) -> None:
        starts = range(0, len(body), CHUNK) if body else [0]
        self._chunks: Iterator[bytes] = iter([body[start : start + CHUNK] for start in starts])
        self._left = len(starts)
        self._leaves = leaves
        self.sent = 0

    async def __call__(self) -> dict[str, Any]:
        if not self._left:
            return {"type": "http.disconnect"}
        chunk = next(self._chunks)
        self._left -= 1
        self.sent += len(chunk)
        more = bool(self._left) or self._leaves
        return {"type": "http.request", "body": chunk, "more_body": more}


def read(client: Client, budget: BodyBudget, organization: int = 1) -> bytes:
    with IncomingBody(budget, organization) as body:
        return run(body.read({}, client))


@pytest.mark.parametrize("repeated", HOSTILE)
def test_a_hostile_body_is_refused_after_its_first_part(repeated: str) -> None:
    part = repeated.encode()
    client, budget = Client(part * (20_000_000 // len(part))), BodyBudget(Limits())
    with pytest.raises(GatewayError, match=r"more than \d+,000 (values|objects and lists)") as said:
        read(client, budget)
    assert (said.value.status, said.value.code) == (400, "too_many_values")
    assert client.sent < 20_000_000 / 2
    assert budget.held == 0


def test_what_is_large_and_holds_little_passes() -> None:
    image = b'{"messages":[{"content":[{"image_url":{"url":"' + b"QUJD" * 4_000_000 + b'"}}]}]}'
    prose = json.dumps({"input": 'He said: "[{,}]", and left. ' * 300_000}).encode()
    ids = json.dumps({"input": [list(range(8_000))] * 37}).encode()
    budget = BodyBudget(Limits())
    for body in (b"", b"{}", image, prose, ids):
        assert read(Client(body), budget) == body
    assert len(ids) > SMALL
    assert budget.held == 0


def test_the_limits_are_met_exactly() -> None:
    budget = BodyBudget(Limits())
    for item, most in (("12", MOST_VALUES), ("[ ]", MOST_CONTAINERS)):
        full = ("[" + ",".join([item] * (most - 1)) + "]").encode()
        assert read(Client(full), budget) == full
        with pytest.raises(GatewayError, match=f"more than {most:,}"):
            read(Client(full[:-1] + b"," + item.encode() + b"]"), budget)


def test_large_bodies_are_held_only_within_their_budget() -> None:
    budget = BodyBudget(Limits(body=100_000, held_bodies=500_000))
    body = b'"' + b"x" * 99_998 + b'"'

    async def hold() -> list[str]:
        refused = []
        held = [IncomingBody(budget, organization) for organization in (1, 1, 2, 3, 4, 5, 6)]
        for each in held:
            try:
                await each.read({}, Client(body))
            except GatewayError as refusal:
                after = refusal.headers["retry-after"]
                refused.append(f"{refusal.status.value} {refusal.code} {after}")
        small = IncomingBody(budget, 1)
        assert await small.read({}, Client(b"{}")) == b"{}"
        for each in (*held, small):
            each.__exit__()
        return refused

    assert run(hold()) == ["429 too_many_open_bytes 1", "503 overloaded 1"]
    assert budget.held == 0
    assert read(Client(body), budget) == body


def test_a_body_that_breaks_off_is_refused() -> None:
    with pytest.raises(GatewayError, match="broke off") as said:
        read(Client(b'{"model":', leaves=True), BodyBudget(Limits()))
    assert (said.value.status, said.value.code) == (400, "incomplete_body")
