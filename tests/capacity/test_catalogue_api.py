"""Models, their units and prices through the API."""

from datetime import date
from typing import Any

import pytest

from capacity.models import Snapshot, TokenUnit
from tests.api_client import ApiCast, problem
from tests.cast import GPT, GROK

pytestmark = pytest.mark.django_db


def unit(kind: str, tpm: int, price: int, available: int | None = None) -> dict[str, Any]:
    return {
        "kind": kind,
        "tpm": tpm,
        "price_per_day": {"amount": price, "currency": "usd"},
        "available": available,
    }


def test_a_model_names_its_units_and_their_prices(api: ApiCast) -> None:
    TokenUnit.objects.filter(snapshot__model=GROK, kind="input").update(supply_cap=10)
    api.bob.buys(input=4)

    assert api.bob.get(f"models/{GROK}").json() == {
        "id": GROK,
        "name": "Grok 4.1 Fast (reasoning)",
        "provider": "xai",
        "units": [unit("input", 31_500, 1_000, 6), unit("output", 12_500, 1_000)],
        "output_weight": None,
        "cached_weight": "1",
        "retires_on": None,
    }


def test_weights_are_plain_decimals(api: ApiCast) -> None:
    Snapshot.objects.filter(model=GPT).update(
        cached_weight="0.2500", output_weight="10.0000", retires_on=date(2027, 1, 1)
    )

    model = api.bob.get(f"models/{GPT}").json()

    assert (model["cached_weight"], model["output_weight"]) == ("0.25", "10")
    assert model["retires_on"] == "2027-01-01"


def test_the_pages_of_models_add_up_to_the_whole_list(api: ApiCast) -> None:
    all_models = api.bob.get("models").json()
    assert all_models["next"] is None
    assert len(all_models["data"]) == Snapshot.objects.count()

    models: list[Any] = []
    page: dict[str, Any] = {"next": None}
    while not models or page["next"]:
        query = {"cursor": page["next"]} if page["next"] else {}
        page = api.bob.get("models", limit=7, **query).json()
        models += page["data"]

    assert models == all_models["data"]


def test_a_unit_whose_price_is_not_yet_in_force_has_none(api: ApiCast) -> None:
    api.set_clock("2026-01-10")
    TokenUnit.objects.create(
        snapshot=Snapshot.objects.create(
            model="new", name="New", provider="acme", cached_weight="0.5"
        ),
        kind="input",
        tpm=10,
    )

    assert api.bob.get("models/new").json()["units"][0]["price_per_day"] is None


@pytest.mark.parametrize("model", ["nothing", "gr%00k", "a/b", "%F0%9F%90%98"])
def test_an_unknown_model_is_not_found(api: ApiCast, model: str) -> None:
    assert problem(api.bob.get(f"models/{model}")) == (404, "not_found")
