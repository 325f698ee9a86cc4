"""Models, transactions, capacity and pools through the API."""

from datetime import date
from typing import Any

import pytest

from capacity.models import Snapshot, TokenUnit
from tests.api_client import Neighbours, code, neighbours
from tests.cast import GPT, GROK

pytestmark = pytest.mark.django_db


@pytest.fixture
def here() -> Neighbours:
    return neighbours()


def unit(kind: str, tpm: int, price: int, available: int | None = None) -> dict[str, Any]:
    return {
        "kind": kind,
        "tpm": tpm,
        "price_per_day": {"amount": price, "currency": "usd"},
        "available": available,
    }


def test_a_model_tells_what_it_is_sold_as(here: Neighbours) -> None:
    TokenUnit.objects.filter(snapshot__model=GROK, kind="input").update(supply_cap=10)
    here.bob.buys(input=4)

    assert here.bob.get(f"models/{GROK}").json() == {
        "id": GROK,
        "name": "Grok 4.1 Fast (reasoning)",
        "provider": "xai",
        "units": [unit("input", 31_500, 1_000, 6), unit("output", 12_500, 1_000)],
        "output_weight": None,
        "cached_weight": "1",
        "retires_on": None,
    }


def test_weights_are_plain_decimals(here: Neighbours) -> None:
    Snapshot.objects.filter(model=GPT).update(
        cached_weight="0.2500", output_weight="10.0000", retires_on=date(2027, 1, 1)
    )

    model = here.bob.get(f"models/{GPT}").json()

    assert (model["cached_weight"], model["output_weight"]) == ("0.25", "10")
    assert model["retires_on"] == "2027-01-01"


def test_all_models_are_listed_and_paged_in_their_order(here: Neighbours) -> None:
    everything = here.bob.get("models").json()
    assert everything["next"] is None
    assert len(everything["data"]) == Snapshot.objects.count()

    seen: list[Any] = []
    page: dict[str, Any] = {"next": None}
    while not seen or page["next"]:
        query = {"cursor": page["next"]} if page["next"] else {}
        page = here.bob.get("models", limit=7, **query).json()
        seen += page["data"]

    assert seen == everything["data"]


def test_prices_not_yet_in_force_are_none(here: Neighbours) -> None:
    here.come_to("2026-01-10")
    TokenUnit.objects.create(
        snapshot=Snapshot.objects.create(
            model="new", name="New", provider="acme", cached_weight="0.5"
        ),
        kind="input",
        tpm=10,
    )

    assert here.bob.get("models/new").json()["units"][0]["price_per_day"] is None


@pytest.mark.parametrize("model", ["nothing", "gr%00k", "a/b", "%F0%9F%90%98"])
def test_there_is_no_such_model(here: Neighbours, model: str) -> None:
    assert code(here.bob.get(f"models/{model}")) == (404, "not_found")


def test_capacity_is_what_is_active_now(here: Neighbours) -> None:
    pool = here.bob.post("pools", {"model": GROK, "name": "Chat"}).json()["id"]
    default = here.bob.buys(input=4, output=1)["pool"]
    order = {"model": GROK, "units": {"input": 2}, "pool": pool}
    here.bob.post("purchases", order, key="chat")

    assert here.bob.get("capacity").json() == {
        "data": [
            {"model": GROK, "pool": default, "kind": "input", "units": 4, "tpm": 126_000},
            {"model": GROK, "pool": default, "kind": "output", "units": 1, "tpm": 12_500},
            {"model": GROK, "pool": pool, "kind": "input", "units": 2, "tpm": 63_000},
        ],
        "next": None,
    }


def test_transactions_tell_the_whole_story(here: Neighbours) -> None:
    lot = here.bob.buys(input=4)["lots"][0]["id"]
    undone = here.bob.cancels(lot, 1)
    here.alice.post(f"cancellations/{undone['id']}/undo", key="undo")
    here.bob.cancels(lot, 3)
    here.come_to("2026-02-09")

    told = here.bob.get("transactions").json()["data"]

    bob, alice = here.acme.bob.person.public_id, here.acme.alice.person.public_id
    assert [(row["type"], row["units"], row["by"]) for row in told] == [
        ("expiry", 3, None),
        ("cancellation", 3, bob),
        ("undo", 1, alice),
        ("cancellation", 1, bob),
        ("purchase", 4, bob),
    ]
    assert told[-1] == {
        "id": told[-1]["id"],
        "type": "purchase",
        "at": "2026-01-10T12:00:00Z",
        "by": bob,
        "model": GROK,
        "kind": "input",
        "units": 4,
        "lot": lot,
        "note": "First term to 2026-02-01, commitment to 2026-02-09",
    }
    assert told[0]["at"] == "2026-02-09T00:00:00Z"
    assert here.bob.get("transactions", model=GPT).json()["data"] == []


def test_bob_makes_a_pool_beside_the_default_one(here: Neighbours) -> None:
    answer = here.bob.post("pools", {"model": GROK, "name": " Chat "})
    made = answer.json()

    assert answer.status_code == 201
    assert made == {
        "id": made["id"],
        "model": GROK,
        "name": "Chat",
        "default": False,
        "created_at": "2026-01-10T12:00:00Z",
    }
    pools = here.bob.get("pools", model=GROK).json()["data"]
    assert [(pool["name"], pool["default"]) for pool in pools] == [
        ("Chat", False),
        ("Default pool", True),
    ]
    assert here.bob.get("pools", model=GPT).json()["data"] == []
    assert here.bob.buys(input=1)["pool"] == pools[1]["id"]


@pytest.mark.parametrize("name", ["Chat", "Default pool"])
def test_a_pool_needs_a_name_of_its_own(here: Neighbours, name: str) -> None:
    here.bob.post("pools", {"model": GROK, "name": "Chat"})

    answer = here.bob.post("pools", {"model": GROK, "name": name})

    assert code(answer) == (400, "invalid_request")
    assert list(answer.json()["errors"]) == ["name"]


def test_a_pool_is_of_a_model_that_there_is(here: Neighbours) -> None:
    assert code(here.bob.post("pools", {"model": "nothing", "name": "Chat"})) == (404, "not_found")
