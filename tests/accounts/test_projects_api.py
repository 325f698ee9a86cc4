"""Projects through the API."""

import pytest
from django.urls import reverse

from tests.api_client import ApiCast, problem
from tests.cast import GROK, signed_in

pytestmark = pytest.mark.django_db


def test_alice_makes_a_project_under_a_name_of_its_own(api: ApiCast) -> None:
    response = api.alice.post("projects", {"name": "Chat"})
    project = response.json()

    assert response.status_code == 201
    assert project == {
        "id": project["id"],
        "name": "Chat",
        "default": False,
        "created_at": "2026-01-10T12:00:00Z",
    }
    newest, default = api.alice.get("projects").json()["data"]
    assert newest == project
    assert default["default"]
    refusal = api.alice.post("projects", {"name": "Chat"})
    assert problem(refusal) == (400, "invalid_request")
    assert refusal.json()["errors"] == {"name": ["There is a project “Chat” already."]}


@pytest.mark.parametrize("character", ["\n", "\r", "\t", "\x7f", "\u2028"])
def test_a_name_is_one_line_wherever_it_is_typed(api: ApiCast, character: str) -> None:
    name = f"a{character}b"
    for path, body in (
        ("projects", {"name": name}),
        ("keys", {"name": name}),
        ("pools", {"model": GROK, "name": name}),
    ):
        response = api.alice.post(path, body)
        assert problem(response) == (400, "invalid_request")
        assert list(response.json()["errors"]) == ["name"]
    page = reverse("api_keys", args=[api.acme.organization.public_id])
    assert signed_in(api.acme.alice).post(page, {"name": name}).status_code == 422
