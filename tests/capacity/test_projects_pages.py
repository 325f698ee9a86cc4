"""The page of projects: what each holds and spends, and what can be done with it."""

import re

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import Project
from tests.api_client import ApiCast
from tests.cast import GPT, GROK, signed_in

pytestmark = pytest.mark.django_db

HTMX = {"HX-Request": "true"}


@pytest.fixture
def alice(api: ApiCast) -> Client:
    return signed_in(api.acme.alice)


def url(api: ApiCast, name: str, project: Project | None = None) -> str:
    ids = [api.acme.organization.public_id, *([project.public_id] if project else [])]
    return reverse(name, args=ids)


def text(html: str) -> str:
    return " ".join(re.sub("<[^>]+>", " ", html).split())


def test_a_project_shows_what_it_holds_and_spends(api: ApiCast, alice: Client) -> None:
    alice.post(url(api, "projects"), {"name": "Chat"})
    chat = Project.objects.get(name="Chat")
    orders = ((GROK, {"input": 4, "output": 2}), (GROK, {"input": 1}), (GPT, {"input": 1}))
    for model, units in orders:
        order = {"model": model, "units": units, "project": chat.public_id}
        api.alice.post("purchases", order, key=f"{model}{units}")

    page = text(alice.get(url(api, "projects")).text)

    assert "Spend of the period 2026-01-01 → 2026-01-31 UTC" in page
    # 7 units of Grok for $10.00 and one of GPT-4.1 for $110.00, for 22 days.
    assert (
        f"{GPT} 1 input unit, 30,000 TPM {GROK} 5 input units, 157,500 TPM "
        "2 output units, 25,000 TPM $3,960.00"
    ) in page
    assert page.count("No units") == 1  # The default project.


def test_alice_renames_archives_and_restores_a_project(api: ApiCast, alice: Client) -> None:
    for name in ("Chat", "Search"):
        alice.post(url(api, "projects"), {"name": name})
    chat = Project.objects.get(name="Chat")
    order = {"model": GROK, "units": {"input": 4}, "project": chat.public_id}
    api.alice.post("purchases", order, key="k")

    taken = alice.post(url(api, "rename_project", chat), {"name": "Search"}, headers=HTMX)
    assert taken.status_code == 422
    assert "There is a project “Search” already." in taken.text
    renamed = alice.post(url(api, "rename_project", chat), {"name": "Support"}, headers=HTMX)
    assert renamed.headers["HX-Redirect"] == url(api, "projects")
    assert "Project “Chat” is now “Support”" in alice.get(url(api, "projects")).text

    question = alice.get(url(api, "archive_project", chat), headers=HTMX).text
    assert "Its 4 active units, and its spend limit if it has one, go on" in question
    alice.post(url(api, "archive_project", chat))
    page = alice.get(url(api, "projects"), {"projects-state": "archived"})
    assert [row.name for row in page.context["projects"]] == ["Support"]
    assert "4 input units, 126,000 TPM" in page.text
    limits = text(alice.get(url(api, "limits")).text)
    assert "Support Archived" in limits
    assert "Set a limit" not in limits.partition("Support Archived")[2]

    alice.post(url(api, "restore_project", chat))
    chat.refresh_from_db()
    assert not chat.is_archived
    default = Project.objects.get(organization=api.acme.organization, is_default=True)
    refusal = alice.post(url(api, "archive_project", default), follow=True).text
    assert "It cannot be archived" in refusal


def test_a_name_that_is_taken_is_refused_beside_the_field(api: ApiCast, alice: Client) -> None:
    response = alice.post(url(api, "projects"), {"name": "Default project"})

    assert response.status_code == 422
    assert response.context["form"].errors["name"]
    assert 'value="Default project"' in response.text


def test_a_project_that_is_archived_while_bob_chooses_units_is_not_replaced_by_another(
    api: ApiCast, alice: Client
) -> None:
    """With the last other project gone there is no choice any more, but one was made."""
    alice.post(url(api, "projects"), {"name": "Chat"})
    chat = Project.objects.get(name="Chat")
    bob = signed_in(api.acme.bob)
    order: dict[str, str | int] = {"model": GROK, "input": 4, "project": chat.public_id}
    assert "Confirm purchase" in bob.get(url(api, "checkout"), order, headers=HTMX).text
    alice.post(url(api, "archive_project", chat))

    refused = bob.post(url(api, "checkout"), {**order, "key": "k"}, headers=HTMX)

    assert refused.status_code == 422
    assert "This project cannot be chosen any more" in refused.text
    assert api.alice.get("lots").json()["data"] == []
    page = bob.get(url(api, "add_capacity"), order).text
    assert "This project cannot be chosen any more" in page
