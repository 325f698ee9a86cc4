"""API keys through the API: each person makes and revokes their own."""

import re

import pytest

from accounts.models import AuditEntry
from tests.api_client import ApiCast, Caller, problem

pytestmark = pytest.mark.django_db


def test_mallory_makes_a_key_and_sees_its_secret_once(api: ApiCast) -> None:
    response = api.mallory.post("keys", {"name": "Laptop"})
    key = response.json()
    secret = key.pop("key")

    assert response.status_code == 201
    assert key == {
        "id": key["id"],
        "name": "Laptop",
        "hint": secret[:8],
        "created_at": "2026-01-10T12:00:00Z",
        "last_used_at": None,
    }
    assert re.fullmatch(r"st_[\w-]{59}", secret)
    with_new_key = Caller(headers={"Authorization": f"bearer {secret}"})
    newest, first = with_new_key.get("keys").json()["data"]
    assert newest == key | {"last_used_at": "2026-01-10T12:00:00Z"}
    assert first["name"] == "Tests"


def test_alice_cannot_revoke_the_key_of_mallory(api: ApiCast) -> None:
    [key] = api.mallory.get("keys").json()["data"]

    assert problem(api.alice.delete(f"keys/{key['id']}")) == (404, "not_found")
    assert api.mallory.get("keys").status_code == 200


def test_making_and_revoking_a_key_each_leave_an_entry(api: ApiCast) -> None:
    key = api.mallory.post("keys", {"name": "Laptop"}).json()
    assert api.mallory.delete(f"keys/{key['id']}").status_code == 204

    entries = AuditEntry.objects.filter(subject=key["id"]).order_by("pk")

    facts = {"name": "Laptop", "hint": key["hint"]}
    assert list(entries.values_list("action", "actor", "before", "after")) == [
        ("api_key.created", api.acme.mallory.person.pk, None, facts),
        ("api_key.revoked", api.acme.mallory.person.pk, facts, None),
    ]
