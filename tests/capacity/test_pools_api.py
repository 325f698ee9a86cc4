"""Pools through the API."""

import pytest

from accounts.models import AuditEntry
from tests.api_client import ApiCast, problem
from tests.cast import GPT, GROK

pytestmark = pytest.mark.django_db


def test_bob_makes_a_pool_beside_the_default_one(api: ApiCast) -> None:
    response = api.bob.post("pools", {"model": GROK, "name": " Chat "})
    pool = response.json()

    assert response.status_code == 201
    assert pool == {
        "id": pool["id"],
        "model": GROK,
        "name": "Chat",
        "default": False,
        "created_at": "2026-01-10T12:00:00Z",
    }
    entry = AuditEntry.objects.get(action="pool.created", actor=api.acme.bob.person)
    assert (entry.subject, entry.after) == (pool["id"], {"model": GROK, "name": "Chat"})
    pools = api.bob.get("pools", model=GROK).json()["data"]
    assert [(row["name"], row["default"]) for row in pools] == [
        ("Chat", False),
        ("Default pool", True),
    ]
    assert api.bob.get("pools", model=GPT).json()["data"] == []
    assert api.bob.buys(input=1)["pool"] == pools[1]["id"]


@pytest.mark.parametrize("name", ["Chat", "Default pool"])
def test_refuses_a_name_that_another_pool_has(api: ApiCast, name: str) -> None:
    api.bob.post("pools", {"model": GROK, "name": "Chat"})

    response = api.bob.post("pools", {"model": GROK, "name": name})

    assert problem(response) == (400, "invalid_request")
    assert list(response.json()["errors"]) == ["name"]


def test_refuses_a_pool_of_an_unknown_model(api: ApiCast) -> None:
    response = api.bob.post("pools", {"model": "nothing", "name": "Chat"})

    assert problem(response) == (404, "not_found")
