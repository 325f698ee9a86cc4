"""Authorized purchasers through the API."""

import pytest

from tests.api_client import ApiCast, problem

pytestmark = pytest.mark.django_db


def test_alice_authorizes_mallory_and_withdraws_it(api: ApiCast) -> None:
    mallory = api.acme.mallory.person
    response = api.alice.post("purchasers", {"email": mallory.email.upper()})

    assert response.status_code == 201
    assert response.json() == {
        "id": mallory.public_id,
        "email": mallory.email,
        "name": "Mallory",
        "limit_per_day": None,
    }
    assert api.mallory.get("lots").status_code == 200
    names = [purchaser["name"] for purchaser in api.alice.get("purchasers").json()["data"]]
    assert names == ["Mallory", "Bob"]

    withdrawal = api.alice.delete(f"purchasers/{mallory.public_id}")
    assert (withdrawal.status_code, withdrawal.content) == (204, b"")
    assert api.mallory.get("lots").status_code == 403
    assert problem(api.alice.delete(f"purchasers/{mallory.public_id}")) == (404, "not_found")


@pytest.mark.parametrize("name", ["charlie", "bob", "alice"])
def test_only_a_plain_member_can_be_authorized(api: ApiCast, name: str) -> None:
    response = api.alice.post("purchasers", {"email": getattr(api.acme, name).person.email})

    assert problem(response) == (400, "invalid_request")
    assert list(response.json()["errors"]) == ["email"]


def test_an_owner_cannot_be_withdrawn_as_a_purchaser(api: ApiCast) -> None:
    alice = api.acme.alice.person.public_id

    assert problem(api.alice.delete(f"purchasers/{alice}")) == (404, "not_found")
