"""Active capacity through the API."""

import pytest

from tests.api_client import ApiCast
from tests.cast import GROK

pytestmark = pytest.mark.django_db


def test_capacity_is_listed_by_model_pool_and_kind(api: ApiCast) -> None:
    pool = api.bob.post("pools", {"model": GROK, "name": "Chat"}).json()["id"]
    default = api.bob.buys(input=4, output=1)["pool"]
    order = {"model": GROK, "units": {"input": 2}, "pool": pool}
    api.bob.post("purchases", order, key="chat")

    assert api.bob.get("capacity").json() == {
        "data": [
            {"model": GROK, "pool": default, "kind": "input", "units": 4, "tpm": 126_000},
            {"model": GROK, "pool": default, "kind": "output", "units": 1, "tpm": 12_500},
            {"model": GROK, "pool": pool, "kind": "input", "units": 2, "tpm": 63_000},
        ],
        "next": None,
    }
