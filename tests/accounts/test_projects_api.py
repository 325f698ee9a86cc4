"""Projects through the API."""

import pytest

from tests.api_client import ApiCast, problem

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
