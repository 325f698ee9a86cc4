"""Lots and cancellations through the API."""

from typing import Any

import pytest

from tests.api_client import Neighbours, code, neighbours
from tests.cast import GPT, GROK

pytestmark = pytest.mark.django_db


def usd(amount: int) -> dict[str, Any]:
    return {"amount": amount, "currency": "usd"}


@pytest.fixture
def here() -> Neighbours:
    return neighbours()


@pytest.fixture
def lot(here: Neighbours) -> str:
    """Four input units of Grok, bought by Bob on 2026-01-10."""
    return str(here.bob.buys(input=4)["lots"][0]["id"])


def test_a_cancellation_is_quoted_before_it_is_made(here: Neighbours, lot: str) -> None:
    here.bob.buys(input=1)
    here.come_to("2026-01-15")

    assert here.bob.get(f"lots/{lot}/cancellations/quote", units=3).json() == {
        "units": 3,
        "ends_on": "2026-02-09",
        "last_charged_day": "2026-02-08",
        "remaining_cost": usd(3 * 8 * 1_000),
        "tpm": {"before": 157_500, "after": 63_000},
    }
    assert here.bob.get("cancellations").json()["data"] == []


def test_a_quote_knows_what_ends_by_then_already(here: Neighbours, lot: str) -> None:
    other = here.bob.buys(input=2, output=3)["lots"][0]["id"]
    here.come_to("2026-01-20")
    later = here.bob.buys(input=1)["lots"][0]["id"]
    here.bob.cancels(other, 1)
    here.bob.cancels(later, 1)

    quoted = here.bob.get(f"lots/{lot}/cancellations/quote", units=3).json()

    assert (quoted["ends_on"], quoted["tpm"]) == (
        "2026-02-09",
        {"before": 7 * 31_500, "after": 3 * 31_500},
    )


def test_bob_cancels_and_the_units_stay_until_their_end(here: Neighbours, lot: str) -> None:
    here.come_to("2026-01-15")
    answer = here.bob.post(f"lots/{lot}/cancellations", {"units": 3}, key="k")
    made = answer.json()

    assert answer.status_code == 201
    assert made == {
        "id": made["id"],
        "lot": lot,
        "units": 3,
        "requested_at": "2026-01-15T12:00:00Z",
        "requested_by": here.acme.bob.person.public_id,
        "ends_on": "2026-02-09",
        "status": "scheduled",
    }
    assert made["id"].startswith("can_")
    assert here.bob.get("cancellations").json() == {"data": [made], "next": None}
    now = here.bob.get(f"lots/{lot}").json()
    assert now["active_units"] == 4
    assert now["cancelling"] == [{"units": 3, "ends_on": "2026-02-09"}]


def test_nobody_sees_a_stale_day(here: Neighbours, lot: str) -> None:
    cancellation = here.bob.cancels(lot, 3)["id"]
    here.come_to("2026-02-10", "00:00")

    now = here.bob.get(f"lots/{lot}").json()

    assert (now["units"], now["active_units"], now["charged_until"]) == (4, 1, "2026-02-11")
    assert now["cancelling"] == []
    assert now["expired"] == [{"units": 3, "ended_on": "2026-02-09", "reason": "cancelled"}]
    assert here.bob.get("cancellations").json()["data"][0]["status"] == "effective"
    undo = here.bob.post(f"cancellations/{cancellation}/undo", key="too late")
    assert code(undo) == (409, "already_effective")


def test_bob_thinks_better_of_it(here: Neighbours, lot: str) -> None:
    cancellation = here.bob.cancels(lot, 3)

    answer = here.bob.post(f"cancellations/{cancellation['id']}/undo", key="undo")

    assert answer.status_code == 200
    assert answer.json() == cancellation | {"status": "undone"}
    assert here.bob.get(f"lots/{lot}").json()["cancelling"] == []


@pytest.mark.parametrize(
    ("units", "problem"),
    [
        (5, (409, "units_exceed_active")),
        (10**30, (409, "units_exceed_active")),
        (0, (400, "invalid_request")),
        (-1, (400, "invalid_request")),
        ("1", (400, "invalid_request")),
        (True, (400, "invalid_request")),
    ],
)
def test_only_units_that_are_there_can_be_cancelled(
    here: Neighbours, lot: str, units: Any, problem: tuple[int, str]
) -> None:
    answer = here.bob.post(f"lots/{lot}/cancellations", {"units": units}, key="k")

    assert code(answer) == problem
    assert list(answer.json()["errors"]) == ["units"]


@pytest.mark.parametrize("units", ["0", "-1", "x", "1.0", "٣", "", "1" * 40])
def test_a_quote_asks_for_a_number_of_units(here: Neighbours, lot: str, units: str) -> None:
    answer = here.bob.get(f"lots/{lot}/cancellations/quote", units=units)

    assert code(answer) == (400, "invalid_request")
    assert list(answer.json()["errors"]) == ["units"]


def test_an_undo_has_nothing_more_to_say(here: Neighbours, lot: str) -> None:
    cancellation = here.bob.cancels(lot, 1)["id"]

    answer = here.bob.post(f"cancellations/{cancellation}/undo", {"units": 1}, key="k")

    assert answer.json()["errors"] == {"units": ["There is no such field."]}
    assert here.bob.post(f"cancellations/{cancellation}/undo", {}, key="k").status_code == 200


def test_lots_are_found_by_model_status_and_project(here: Neighbours) -> None:
    project = here.alice.post("projects", {"name": "Chat"}).json()["id"]
    grok = here.bob.buys(input=1)["lots"][0]
    gpt = here.bob.buys(GPT, input=1)["lots"][0]
    order = {"model": GROK, "units": {"input": 1}, "project": project}
    chat = here.bob.post("purchases", order, key="chat").json()["lots"][0]
    here.bob.cancels(gpt["id"], 1)
    here.come_to("2026-02-09")

    def found(**query: str) -> list[str]:
        return [lot["id"] for lot in here.bob.get("lots", **query).json()["data"]]

    assert found() == [chat["id"], gpt["id"], grok["id"]]
    assert found(model=GROK) == [chat["id"], grok["id"]]
    assert found(project=project) == [chat["id"]]
    assert found(status="expired") == [gpt["id"]]
    assert found(status="active") == [chat["id"], grok["id"]]
    assert found(status="active", project=project, model=GPT) == []
    assert [c["lot"] for c in here.bob.get("cancellations", model=GPT).json()["data"]] == [
        gpt["id"]
    ]
    assert here.bob.get("cancellations", model=GROK).json()["data"] == []


@pytest.mark.parametrize(
    "query",
    [
        {"status": "foo"},
        {"status": ["active", "expired"]},
        {"state": "active"},
        {"model": "gr\0k"},
        {"limit": "0"},
        {"limit": "201"},
        {"limit": "ten"},
        {"cursor": "nonsense"},
        {"cursor": "Zm9v"},
        {"cursor": ""},
    ],
)
def test_a_question_that_makes_no_sense_is_refused(here: Neighbours, query: dict[str, Any]) -> None:
    answer = here.bob.get("lots", **query)

    assert code(answer) == (400, "invalid_request")
    assert list(answer.json()["errors"]) == list(query)
