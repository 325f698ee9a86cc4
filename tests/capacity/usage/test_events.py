"""Events as they are read, one by one, and the ids by which each counts once (R14)."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capacity.usage.operations.events import UsageEvent, record_usage
from capacity.usage.serializers import events as serializer
from tests.cast import GROK, Acme, at

ODD: list[Any] = [
    None,
    True,
    0,
    -1,
    1.5,
    10**12,
    10**12 + 1,
    "",
    "a\nb",
    "x" * 201,
    "greq_",
    [],
    {},
]

GOOD = {
    "id": "request-1",
    "at": "2026-01-10T12:00:00Z",
    "model": GROK,
    "project": "proj_1",
    "pool": "pt_1",
    "input_tokens": 1_000,
    "cached_tokens": 400,
    "output_tokens": 100,
    "disable": False,
}

events = st.tuples(
    st.dictionaries(st.sampled_from([*GOOD, "tokens"]), st.sampled_from(ODD), max_size=3),
    st.sets(st.sampled_from(list(GOOD)), max_size=2),
).map(lambda drawn: {name: GOOD[name] for name in GOOD if name not in drawn[1]} | drawn[0])


@given(event=events)
def test_an_event_that_looks_plainly_good_has_no_problem(event: dict[str, Any]) -> None:
    checks = (serializer._name_problem, serializer._text_problem, serializer._count_problem)
    if serializer._is_plainly_good(event):
        assert [check(event) for check in checks] == [None] * len(checks)


def test_a_good_event_is_read_whole() -> None:
    names = ("id", "model", "input_tokens", "output_tokens", "cached_tokens", "project", "pool")
    event = serializer.read_event(GOOD)
    assert event == UsageEvent(at=at("2026-01-10"), **{name: GOOD[name] for name in names})  # type: ignore[arg-type]
    unusual = serializer.read_event({**GOOD, "id": "a\u00a0b", "project": None, "pool": None})
    assert isinstance(unusual, UsageEvent)
    assert (unusual.id, unusual.project) == ("a\u00a0b", None)


@pytest.mark.django_db
def test_whatever_is_in_an_id_it_counts_once(acme: Acme) -> None:
    ids = ["\\N", "\\.", "a\\tb", '"', "'", "{a,b}", "NULL", "a b", "é", "E", "e"]
    sent = [UsageEvent(event_id, at("2026-01-10"), GROK, 1, 1) for event_id in ids]
    for accepted, day in ((len(ids), "2026-01-10"), (0, "2026-01-10"), (0, "2026-03-31")):
        recorded = record_usage(
            organization=acme.organization,
            events=sent,
            now=at("2026-01-10"),
            received_on=at(day).date(),
        )
        assert (recorded.accepted, recorded.duplicates) == (accepted, len(ids) - accepted)
