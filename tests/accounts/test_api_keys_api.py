"""API keys through the API: each person makes and revokes their own."""

import re

import pytest

from accounts.models import ApiKey, AuditEntry, Project
from tests.api_client import ApiCast, Caller, problem
from tests.cast import signed_in

pytestmark = pytest.mark.django_db


def test_mallory_makes_a_key_and_sees_its_secret_once(api: ApiCast) -> None:
    response = api.mallory.post("keys", {"name": "Laptop"})
    key = response.json()
    secret = key.pop("key")

    assert response.status_code == 201
    assert key == {
        "id": key["id"],
        "name": "Laptop",
        "project": None,
        "hint": secret[:8],
        "created_at": "2026-01-10T12:00:00Z",
        "last_used_at": None,
    }
    assert re.fullmatch(r"st_[\w-]{59}", secret)
    with_new_key = Caller(headers={"Authorization": f"bearer {secret}"})
    newest, first = with_new_key.get("keys").json()["data"]
    assert newest == key | {"last_used_at": "2026-01-10T12:00:00Z"}
    assert first["name"] == "Tests"


def test_a_key_can_be_for_a_project_of_the_organization(api: ApiCast) -> None:
    search = api.alice.post("projects", {"name": "Search"}).json()["id"]
    key = api.mallory.post("keys", {"name": "Search", "project": search}).json()
    assert key["project"] == search
    entry = AuditEntry.objects.get(subject=key["id"])
    assert entry.after == {"name": "Search", "hint": key["hint"], "project": search}
    foreign = api.charlie.get("projects").json()["data"][0]["id"]
    wrong = api.mallory.post("keys", {"name": "Search", "project": foreign})
    assert problem(wrong) == (404, "not_found")
    assert "project" in wrong.json()["errors"]
    api.alice.patch(f"projects/{search}", {"archived": True})
    assert problem(api.mallory.post("keys", {"name": "Late", "project": search}))[0] == 400


def test_owners_choose_the_project_of_a_key_on_the_page_and_members_see_none(api: ApiCast) -> None:
    acme = api.acme
    search = api.alice.post("projects", {"name": "Search"}).json()["id"]
    page = f"/organizations/{acme.organization.public_id}/settings/api-keys/"
    alice, mallory = signed_in(acme.alice), signed_in(acme.mallory)
    assert "Search" not in mallory.get(page).content.decode()
    response = alice.post(page, {"name": "Script", "project": search})
    assert "for Search" in response.content.decode()
    assert ApiKey.objects.latest("pk").project == Project.objects.get(public_id=search)
    refused = alice.post(page, {"name": "Script", "project": "proj_0"})
    assert refused.status_code == 422


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
