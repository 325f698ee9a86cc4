"""Keys, purchasers, projects, the record and the clock through the API."""

import re

import pytest

from accounts.models import Organization
from tests.api_client import Caller, Neighbours, code, neighbours
from tests.cast import at

pytestmark = pytest.mark.django_db


@pytest.fixture
def here() -> Neighbours:
    return neighbours()


def test_mallory_makes_a_key_and_sees_its_secret_once(here: Neighbours) -> None:
    answer = here.mallory.post("keys", {"name": "Laptop"})
    made = answer.json()
    secret = made.pop("key")

    assert answer.status_code == 201
    assert made == {
        "id": made["id"],
        "name": "Laptop",
        "hint": secret[:8],
        "created_at": "2026-01-10T12:00:00Z",
        "last_used_at": None,
    }
    assert re.fullmatch(r"st_[\w-]{43}", secret)
    with_new_key = Caller(headers={"Authorization": f"bearer {secret}"})
    newest, first = with_new_key.get("keys").json()["data"]
    assert newest == made | {"last_used_at": "2026-01-10T12:00:00Z"}
    assert first["name"] == "Tests"


def test_nobody_ends_the_key_of_another(here: Neighbours) -> None:
    [key] = here.mallory.get("keys").json()["data"]

    assert code(here.alice.delete(f"keys/{key['id']}")) == (404, "not_found")
    assert here.mallory.get("keys").status_code == 200


def test_alice_authorizes_mallory_and_thinks_better_of_it(here: Neighbours) -> None:
    mallory = here.acme.mallory.person
    answer = here.alice.post("purchasers", {"email": mallory.email.upper()})

    assert answer.status_code == 201
    assert answer.json() == {
        "id": mallory.public_id,
        "email": mallory.email,
        "name": "Mallory",
    }
    assert here.mallory.get("lots").status_code == 200
    names = [entry["name"] for entry in here.alice.get("purchasers").json()["data"]]
    assert names == ["Mallory", "Bob"]

    gone = here.alice.delete(f"purchasers/{mallory.public_id}")
    assert (gone.status_code, gone.content) == (204, b"")
    assert here.mallory.get("lots").status_code == 403
    assert code(here.alice.delete(f"purchasers/{mallory.public_id}")) == (404, "not_found")


@pytest.mark.parametrize("who", ["charlie", "bob", "alice"])
def test_only_a_plain_member_can_be_authorized(here: Neighbours, who: str) -> None:
    answer = here.alice.post("purchasers", {"email": getattr(here.acme, who).person.email})

    assert code(answer) == (400, "invalid_request")
    assert list(answer.json()["errors"]) == ["email"]


def test_an_owner_is_not_withdrawn_like_a_purchaser(here: Neighbours) -> None:
    alice = here.acme.alice.person.public_id

    assert code(here.alice.delete(f"purchasers/{alice}")) == (404, "not_found")


def test_alice_makes_a_project(here: Neighbours) -> None:
    answer = here.alice.post("projects", {"name": "Chat"})
    made = answer.json()

    assert answer.status_code == 201
    assert made == {
        "id": made["id"],
        "name": "Chat",
        "default": False,
        "created_at": "2026-01-10T12:00:00Z",
    }
    first, default = here.alice.get("projects").json()["data"]
    assert first == made
    assert default["default"]
    again = here.alice.post("projects", {"name": "Chat"})
    assert code(again) == (400, "invalid_request")
    assert again.json()["errors"] == {"name": ["There is a project “Chat” already."]}


def test_the_record_says_who_did_what_and_from_where(here: Neighbours) -> None:
    project = here.alice.post("projects", {"name": "Chat"}).json()["id"]

    entry = here.alice.get("audit", limit=1).json()["data"][0]

    assert entry == {
        "id": entry["id"],
        "at": "2026-01-10T12:00:00Z",
        "recorded_at": entry["recorded_at"],
        "by": here.acme.alice.person.public_id,
        "source": "api",
        "address": "127.0.0.1",
        "action": "project.created",
        "subject": project,
        "before": None,
        "after": {"name": "Chat"},
    }
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", entry["recorded_at"])


def test_what_the_platform_did_is_nobodys_doing(here: Neighbours) -> None:
    first = here.alice.get("audit", limit=200).json()["data"][-1]

    assert (first["action"], first["by"], first["source"]) == (
        "organization.created",
        None,
        "command",
    )


def test_the_clock_of_a_sandbox_stands_where_it_was_put(here: Neighbours) -> None:
    here.come_to("2026-02-01", "03:04")

    assert here.alice.get("clock").json() == {"now": "2026-02-01T03:04:00Z", "sandbox": True}


def test_a_real_clock_is_no_sandbox(here: Neighbours) -> None:
    Organization.objects.filter(pk=here.globex.pk).update(is_sandbox=False, clock_at=None)

    clock = here.charlie.get("clock").json()

    assert clock["sandbox"] is False
    assert clock["now"] > at("2026-01-10").isoformat()
