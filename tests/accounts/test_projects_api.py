"""Projects through the API."""

from collections.abc import Sequence

import pytest
from django.urls import reverse

from accounts.models import AuditEntry
from tests.api_client import ApiCast, problem
from tests.cast import GROK, signed_in

Document = dict[str, object]

pytestmark = pytest.mark.django_db


def test_alice_makes_a_project_under_a_name_of_its_own(api: ApiCast) -> None:
    response = api.alice.post("projects", {"name": "Chat"})
    project = response.json()

    assert response.status_code == 201
    assert project == {
        "id": project["id"],
        "name": "Chat",
        "default": False,
        "archived": False,
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


def test_alice_renames_archives_and_restores_a_project(api: ApiCast) -> None:
    project = api.alice.post("projects", {"name": "Chat"}).json()
    path = f"projects/{project['id']}"
    changes: Sequence[tuple[Document, Document]] = (
        ({"name": "Support"}, {"name": "Support", "archived": False}),
        ({"archived": True}, {"name": "Support", "archived": True}),
        ({"name": "Old", "archived": True}, {"name": "Old", "archived": True}),
        ({}, {"name": "Old", "archived": True}),
        ({"archived": False}, {"name": "Old", "archived": False}),
    )
    before: Document = {"name": "Chat", "archived": False}
    documents: list[tuple[Document | None, Document]] = [(None, {"name": "Chat"})]
    for body, after in changes:
        response = api.alice.patch(path, body)
        assert (response.status_code, response.json()) == (200, {**project, **after})
        if after != before:
            documents.append((before, after))
        before = after
    entries = AuditEntry.objects.filter(subject=project["id"]).order_by("pk")
    assert list(entries.values_list("before", "after")) == documents


def test_a_change_of_a_project_that_cannot_be_is_refused_and_names_the_field(api: ApiCast) -> None:
    chat, old = (
        api.alice.post("projects", {"name": name}).json()["id"] for name in ("Chat", "Old")
    )
    api.alice.patch(f"projects/{old}", {"archived": True})
    default = api.acme.organization.projects.get(is_default=True).public_id
    refusals = (
        (default, {"archived": True}, "archived", "is the default project"),
        (chat, {"name": "Old"}, "name", "There is an archived project “Old” already."),
        (chat, {"name": "Default project"}, "name", "There is a project “Default project”"),
        (chat, {"name": "a\nb"}, "name", "Line breaks"),
        (chat, {"name": ""}, "name", "blank"),
        (chat, {"archived": "yes"}, "archived", "boolean"),
        (chat, {"archive": True}, "archive", "There is no such field."),
    )
    for project, body, field, reason in refusals:
        response = api.alice.patch(f"projects/{project}", body)
        assert problem(response) == (400, "invalid_request"), body
        assert reason in response.json()["errors"][field][0]
    assert problem(api.charlie.patch(f"projects/{chat}", {"name": "x"})) == (404, "not_found")


def test_an_archived_project_takes_no_purchase_and_no_new_limit_and_its_lots_go_on(
    api: ApiCast,
) -> None:
    limited, chat = (
        api.alice.post("projects", {"name": name}).json()["id"] for name in ("Limited", "Chat")
    )
    limit = {"amount": {"amount": 100_000, "currency": "usd"}}
    api.alice.put(f"limits/projects/{limited}", limit)
    order = {"model": GROK, "units": {"input": 1}, "project": chat}
    lot = api.alice.post("purchases", order, key="first").json()["lots"][0]["id"]
    for project in (limited, chat):
        api.alice.patch(f"projects/{project}", {"archived": True})

    for path in ("quotes", "purchases"):
        refusal = api.alice.post(path, order, key=path)
        assert problem(refusal) == (400, "invalid_request")
        assert refusal.json()["errors"] == {
            "project": [
                "Project “Chat” is archived. Choose another, or ask an owner to restore it."
            ]
        }
    refusal = api.alice.put(f"limits/projects/{chat}", limit)
    assert problem(refusal) == (400, "invalid_request")
    assert "archived and takes no new limit" in refusal.json()["errors"]["project"][0]
    more = {"amount": {"amount": 200_000, "currency": "usd"}}
    assert api.alice.put(f"limits/projects/{limited}", more).status_code == 200
    assert api.alice.put(f"limits/projects/{limited}", {"amount": None}).status_code == 200
    assert api.alice.put(f"limits/projects/{limited}", more).status_code == 400

    api.set_clock("2026-02-01")
    renewal = api.alice.get("charges", lot=lot).json()["data"][0]
    assert (renewal["type"], renewal["posted_on"]) == ("renewal", "2026-02-01")
    states = {row["project"]: row["spent"] for row in api.alice.get("limits").json()["projects"]}
    assert states[chat]["amount"] == 28 * 1000
    api.alice.patch(f"projects/{chat}", {"archived": False})
    assert api.alice.post("purchases", order, key="again").status_code == 201
