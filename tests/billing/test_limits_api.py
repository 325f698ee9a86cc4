"""Spend limits through the API (R10)."""

from typing import Any

import pytest

from accounts.models import AuditEntry, Project
from tests.api_client import ApiCast, problem

pytestmark = pytest.mark.django_db

PRICE = 1_000  # Minor units for one input unit of GROK and day; 22 days are left of January.


def money(amount: int) -> dict[str, Any]:
    return {"amount": amount, "currency": "usd"}


def test_every_project_has_a_limit_that_is_not_set_yet(api: ApiCast) -> None:
    api.bob.buys(input=2)
    default = Project.objects.get(organization=api.acme.organization)
    state = {"amount": None, "hard": True, "alerts": [50, 80, 100], "spent": money(2 * 22 * PRICE)}
    assert api.bob.get("limits").json() == {
        "period": {"start": "2026-01-01", "end": "2026-02-01"},
        "organization": state,
        "projects": [{"project": default.public_id, **state}],
    }


def test_alice_sets_a_limit_and_a_purchase_past_it_is_refused_with_its_code(api: ApiCast) -> None:
    body = {"amount": money(22 * PRICE), "hard": True, "alerts": [90, 10]}
    response = api.alice.put("limits/organization", body)
    assert response.status_code == 200
    assert response.json()["organization"] == {**body, "alerts": [10, 90], "spent": money(0)}
    api.bob.buys(input=1)
    request = {"model": "grok-4-1-fast-reasoning", "units": {"input": 1}}
    refusals = api.bob.post("quotes", request).json()["refusals"]
    assert [refusal["code"] for refusal in refusals] == ["spend_limit_exceeded"]
    refused = api.bob.post("purchases", request, key="a second one")
    assert problem(refused) == (409, "spend_limit_exceeded")


def test_a_limit_of_a_project_is_lifted_by_null(api: ApiCast) -> None:
    project = Project.objects.get(organization=api.acme.organization).public_id
    api.alice.put(f"limits/projects/{project}", {"amount": 0})
    assert api.alice.get("limits").json()["projects"][0]["amount"] == money(0)
    api.alice.put(f"limits/projects/{project}", {"amount": None, "hard": False})
    own = api.alice.get("limits").json()["projects"][0]
    assert (own["amount"], own["hard"]) == (None, False)


def test_a_change_of_a_limit_is_on_record_with_before_and_after(api: ApiCast) -> None:
    api.alice.put("limits/organization", {"amount": money(5)})
    api.alice.put("limits/organization", {"amount": money(7), "hard": False, "alerts": []})
    entry = AuditEntry.objects.filter(action="limit.set").latest("pk")
    assert entry.before == {"amount": 5, "hard": True, "alerts": [50, 80, 100]}
    assert entry.after == {"amount": 7, "hard": False, "alerts": []}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "amount"),
        ({"amount": "5"}, "amount"),
        ({"amount": -1}, "amount"),
        ({"amount": {"amount": 5, "currency": "eur"}}, "amount"),
        ({"amount": {"amount": 5}}, "amount"),
        ({"amount": 10**18}, "amount"),
        ({"amount": True}, "amount"),
        ({"amount": 5, "hard": "perhaps"}, "hard"),
        ({"amount": 5, "alerts": [0]}, "alerts.0"),
        ({"amount": 5, "alerts": ["50"]}, "alerts.0"),
        ({"amount": 5, "limit": 1}, "limit"),
    ],
)
def test_bad_input_is_named(api: ApiCast, body: Any, field: str) -> None:
    response = api.alice.put("limits/organization", body)
    assert problem(response) == (400, "invalid_request")
    assert field in response.json()["errors"]


def test_bob_may_read_limits_but_not_set_them(api: ApiCast) -> None:
    assert api.bob.get("limits").status_code == 200
    assert problem(api.bob.put("limits/organization", {"amount": 5})) == (403, "not_allowed")
    assert problem(api.mallory.get("limits")) == (403, "not_allowed")


def test_a_project_of_another_organization_is_not_found(api: ApiCast) -> None:
    foreign = Project.objects.get(organization=api.globex).public_id
    response = api.alice.put(f"limits/projects/{foreign}", {"amount": 5})
    assert problem(response) == (404, "not_found")


def test_a_quote_shows_the_effect_on_each_limit(api: ApiCast) -> None:
    project = Project.objects.get(organization=api.acme.organization).public_id
    api.alice.put("limits/organization", {"amount": money(100 * PRICE)})
    api.alice.put(f"limits/projects/{project}", {"amount": money(30 * PRICE), "hard": False})
    api.bob.buys(input=1)
    request = {"model": "grok-4-1-fast-reasoning", "units": {"input": 2}}
    effects = api.bob.post("quotes", request).json()["limits"]
    after = {"spent": money(22 * PRICE), "spent_after": money(3 * 22 * PRICE)}
    assert effects == [
        {"project": None, "amount": money(100 * PRICE), "hard": True, **after},
        {"project": project, "amount": money(30 * PRICE), "hard": False, **after},
    ]
