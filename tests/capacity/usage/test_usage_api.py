"""Usage over the API: events count once, and show at once as covered or account plan (R14)."""

from itertools import count
from typing import Any

import pytest

from tests.api_client import ApiCast, problem
from tests.cast import GPT, GROK

pytestmark = pytest.mark.django_db

ids = count()


def event(at: str, **fields: Any) -> dict[str, Any]:
    """An event of 1,000 input and 100 output tokens."""
    return {
        "id": f"request-{next(ids)}",
        "at": at,
        "model": GROK,
        "input_tokens": 1_000,
        "output_tokens": 100,
        **fields,
    }


def record(api: ApiCast, *events: Any) -> dict[str, Any]:
    response = api.alice.post("usage/events", {"events": list(events)})
    assert response.status_code == 200, response.content
    body: dict[str, Any] = response.json()
    return body


def usage(api: ApiCast, window: str = "1d", **query: Any) -> list[dict[str, Any]]:
    """The buckets with traffic or entitlement."""
    body = api.alice.get("usage", window=window, **query).json()
    return [bucket for bucket in body["buckets"] if bucket["requests"] or bucket["entitlement"]]


def tokens(api: ApiCast, window: str = "1d", **query: Any) -> list[tuple[int, int]]:
    return [
        (bucket["scale"], bucket["account"])
        for bucket in usage(api, window, **query)
        if bucket["requests"]
    ]


def test_an_event_shows_at_once_and_counts_once(api: ApiCast) -> None:
    first = event("2026-01-10T12:00:30Z")
    assert record(api, first, first) == {"accepted": 1, "duplicates": 1, "rejected": []}
    assert record(api, {**first, "at": "2026-01-09T12:00:00Z", "input_tokens": 7}) == {
        "accepted": 0,
        "duplicates": 1,
        "rejected": [],
    }
    for window in ("30d", "1d", "15m"):
        assert tokens(api, window) == [(0, 1_000)]
    assert tokens(api, kind="output") == [(0, 100)]


def test_units_bought_in_a_window_cover_all_of_it(api: ApiCast) -> None:
    api.set_clock("2026-01-10", "12:10")
    record(api, event("2026-01-10T12:01:00Z"), event("2026-01-10T11:59:59Z"))
    [unit] = [
        unit for unit in api.alice.get(f"models/{GROK}").json()["units"] if unit["kind"] == "input"
    ]
    api.alice.buys(input=1)
    before, bought_in = usage(api)
    assert (before["scale"], before["account"], before["entitlement"]) == (0, 1_000, 0)
    assert (bought_in["scale"], bought_in["account"]) == (1_000, 0)
    assert bought_in["entitlement"] == unit["tpm"] * 15
    [day] = usage(api, "30d")
    assert day["entitlement"] == unit["tpm"] * 12 * 60
    assert usage(api, "15m")[-1]["entitlement"] == unit["tpm"]


def test_what_passes_the_allowance_is_account_plan_and_stays_so(api: ApiCast) -> None:
    api.alice.buys(input=1)
    allowance = usage(api)[0]["entitlement"]
    opted_out = event("2026-01-10T12:00:00Z", input_tokens=500, disable=True)
    record(
        api,
        opted_out,
        event("2026-01-10T12:00:00Z", input_tokens=allowance - 10),
        event("2026-01-10T12:01:00Z", input_tokens=25),
    )
    assert tokens(api) == [(allowance, 515)]
    api.set_clock("2026-01-10", "13:14")
    record(api, event("2026-01-10T12:00:00Z", input_tokens=1, model=GPT))
    record(api, event("2026-01-10T11:59:00Z", input_tokens=3))  # Closed: late.
    assert tokens(api, model=GROK) == [(0, 3), (allowance, 515)]
    api.set_clock("2026-01-10", "13:15")
    record(api, event("2026-01-10T12:02:00Z", input_tokens=4))
    assert tokens(api, model=GROK) == [(0, 3), (allowance, 519)]
    assert tokens(api, "30d") == [(allowance, 523)]
    assert [bucket["start"] for bucket in usage(api, "30d")][-1] == "2026-01-10T00:00:00Z"


def test_bad_events_are_named_and_the_good_ones_count(api: ApiCast) -> None:
    good = event("2026-01-10T12:05:00Z"), event("2025-12-11T12:00:00Z")
    bad: dict[str, Any] = {
        "at: It is more than 5": event("2026-01-10T12:05:01Z"),
        "at: It is more than 30": event("2025-12-11T11:59:59Z"),
        "at: This is an instant": event("2026-01-10 12:00"),
        "model: There is no": event("2026-01-10T12:00:00Z", model="gpt-0"),
        "project: There is no": event("2026-01-10T12:00:00Z", project="proj_0"),
        "pool: There is no": event("2026-01-10T12:00:00Z", pool="pt_0"),
        "cached_tokens: They are": event("2026-01-10T12:00:00Z", cached_tokens=1_001),
        "input_tokens: This is": event("2026-01-10T12:00:00Z", input_tokens=1.5),
        "output_tokens: This field": event("2026-01-10T12:00:00Z", output_tokens=None),
        "disable: This is": event("2026-01-10T12:00:00Z", disable="yes"),
        "tokens: There is no": event("2026-01-10T12:00:00Z", tokens=1),
        "id: At most 200": event("2026-01-10T12:00:00Z", id="x" * 201),
        "id: Those that begin": event("2026-01-10T12:00:00Z", id="greq_0"),
        "An event is": "event",
    }
    answer = record(api, *bad.values(), *good)
    assert (answer["accepted"], answer["duplicates"]) == (2, 0)
    assert [rejected["index"] for rejected in answer["rejected"]] == list(range(len(bad)))
    for rejected, start in zip(answer["rejected"], bad, strict=True):
        assert rejected["detail"].startswith(start)


def test_a_call_has_at_most_ten_thousand_events(api: ApiCast) -> None:
    many = [event("2026-01-10T12:00:00Z", input_tokens=1) for _ in range(10_001)]
    assert problem(api.alice.post("usage/events", {"events": many})) == (400, "invalid_request")
    assert record(api, *many[1:])["accepted"] == 10_000
    assert tokens(api) == [(0, 10_000)]


def test_usage_is_of_one_project_model_and_pool(api: ApiCast) -> None:
    project = api.alice.post("projects", {"name": "Search"}).json()["id"]
    pool = api.alice.post("pools", {"model": GROK, "name": "Batch"}).json()["id"]
    at = "2026-01-10T12:00:00Z"
    record(api, event(at, project=project), event(at, pool=pool), event(at, model=GPT))
    assert tokens(api) == [(0, 3_000)]
    assert tokens(api, project=project) == [(0, 1_000)]
    assert tokens(api, model=GPT) == [(0, 1_000)]
    assert problem(api.alice.get("usage", project="proj_0"))[0] == 404
    assert problem(api.alice.get("usage", model="gpt-0"))[0] == 404
    assert problem(api.alice.get("usage", window="2d")) == (400, "invalid_request")
    assert problem(api.bob.get("usage")) == (403, "not_allowed")
    assert api.charlie.get("usage").json()["totals"]["requests"] == 0


def test_the_recommendation_covers_the_largest_window(api: ApiCast) -> None:
    [unit] = [
        unit for unit in api.alice.get(f"models/{GROK}").json()["units"] if unit["kind"] == "input"
    ]
    window = unit["tpm"] * 15
    api.alice.buys(input=1)
    record(
        api,
        event("2026-01-10T12:00:00Z", input_tokens=window * 3 - 1),
        event("2026-01-10T12:00:00Z", input_tokens=window * 9, disable=True),
        event("2026-01-02T08:01:00Z", input_tokens=window),
    )
    kinds = api.bob.get("recommendations", model=GROK).json()["data"]
    inputs = next(row for row in kinds if row["kind"] == "input")
    assert (inputs["owned"], inputs["needed"], inputs["recommended"]) == (1, 3, 2)
    assert inputs["peak"] == {"start": "2026-01-10T12:00:00Z", "tokens": window * 3 - 1}
    assert [point["units"] for point in inputs["curve"]] == [0, 1, 2, 3]
    assert [point["window_share"] for point in inputs["curve"]] == ["0", "0.5", "0.5", "1"]
