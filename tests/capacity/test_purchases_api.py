"""Quotes and purchases through the API."""

from typing import Any

import pytest

from accounts.operations.projects import create_project
from capacity.models import Purchase
from tests.api_client import ApiCast, problem
from tests.cast import GROK, at

pytestmark = pytest.mark.django_db

FOUR_AND_FOUR = {"model": GROK, "units": {"input": 4, "output": 4}}


def usd(amount: int) -> dict[str, Any]:
    return {"amount": amount, "currency": "usd"}


def test_a_quote_says_what_a_purchase_would_do_and_changes_nothing(api: ApiCast) -> None:
    response = api.bob.post("quotes", FOUR_AND_FOUR)

    assert response.status_code == 200
    assert response.json() == {
        "lines": [
            {
                "kind": "input",
                "units": 4,
                "tpm_added": 126_000,
                "price_per_day": usd(1_000),
                "days": 22,
                "amount": usd(88_000),
            },
            {
                "kind": "output",
                "units": 4,
                "tpm_added": 50_000,
                "price_per_day": usd(1_000),
                "days": 22,
                "amount": usd(88_000),
            },
        ],
        "due_now": usd(176_000),
        "then_per_day": usd(8_000),
        "starts_on": "2026-01-10",
        "first_term_ends_on": "2026-02-01",
        "commitment_ends_on": "2026-02-09",
        "tpm": {
            "input": {"before": 0, "after": 126_000},
            "output": {"before": 0, "after": 50_000},
        },
        "needs_approval": False,
        "limits": [],
        "refusals": [],
    }
    assert api.bob.get("purchases").json() == {"data": [], "next": None}


def test_a_quote_says_why_a_purchase_would_be_refused(api: ApiCast) -> None:
    refusals = api.charlie.post("quotes", FOUR_AND_FOUR).json()["refusals"]

    assert refusals == [
        {
            "code": "order_form_required",
            "detail": "No signed order form is in force on 2026-01-10. "
            "Ask an owner to sign one, then buy.",
        }
    ]


def test_bob_buys_and_reads_the_purchase_with_its_lots(api: ApiCast) -> None:
    response = api.bob.post("purchases", FOUR_AND_FOUR, key="first")
    purchase = response.json()

    assert response.status_code == 201
    row = Purchase.objects.get()
    lots = row.lots.order_by("pk")
    assert purchase == {
        "id": row.public_id,
        "created_at": "2026-01-10T12:00:00Z",
        "created_by": api.acme.bob.person.public_id,
        "model": GROK,
        "project": row.project.public_id,
        "pool": row.pool.public_id,
        "amount": usd(176_000),
        "lots": [
            {
                "id": lot.public_id,
                "purchase": row.public_id,
                "model": GROK,
                "pool": row.pool.public_id,
                "project": row.project.public_id,
                "kind": kind,
                "units": 4,
                "active_units": 4,
                "cancelling": [],
                "tpm_per_unit": tpm,
                "price_per_day": usd(1_000),
                "starts_on": "2026-01-10",
                "charged_until": "2026-02-01",
                "commitment_ends_on": "2026-02-09",
                "expired": [],
            }
            for lot, kind, tpm in zip(lots, ["input", "output"], [31_500, 12_500], strict=True)
        ],
    }
    assert api.bob.get(f"purchases/{purchase['id']}").json() == purchase
    assert api.bob.get("purchases").json() == {"data": [purchase], "next": None}


def test_bob_buys_for_a_project_and_a_pool(api: ApiCast) -> None:
    project = create_project(
        organization=api.acme.organization, name="Chat", by=api.acme.alice, now=at("2026-01-10")
    ).public_id
    pool = api.bob.post("pools", {"model": GROK, "name": "Chat"}).json()["id"]

    response = api.bob.post(
        "purchases", FOUR_AND_FOUR | {"project": project, "pool": pool}, key="for chat"
    )

    purchase = response.json()
    for holder in (purchase, *purchase["lots"]):
        assert (holder["project"], holder["pool"]) == (project, pool)


def test_refuses_charlie_who_has_no_order_form(api: ApiCast) -> None:
    assert problem(api.charlie.post("purchases", FOUR_AND_FOUR, key="k")) == (
        409,
        "order_form_required",
    )


@pytest.mark.parametrize("number", [True, "4", 4.0, 4.5, None, [4], {"units": 4}])
def test_refuses_units_that_are_not_a_whole_number(api: ApiCast, number: Any) -> None:
    response = api.bob.post("purchases", {"model": GROK, "units": {"input": number}}, key="k")

    assert problem(response) == (400, "invalid_request")
    assert list(response.json()["errors"]) == ["units.input"]


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, ["model", "units"]),
        ([], ["body"]),
        (FOUR_AND_FOUR | {"unit": 5, "modle": GROK}, ["unit", "modle"]),
        ({"model": GROK, "units": 4}, ["units"]),
        (FOUR_AND_FOUR | {"model": 5}, ["model"]),
        (FOUR_AND_FOUR | {"project": 5, "pool": True}, ["project", "pool"]),
        ({"model": GROK, "units": {}}, ["units"]),
        ({"model": GROK, "units": {"input": 0}}, ["units"]),
        ({"model": GROK, "units": {"input": -1}}, ["units.input"]),
        ({"model": GROK, "units": {"input": 10**30}}, ["units.input"]),
        ({"model": GROK, "units": {"combined": 1}}, ["units.combined"]),
        ({"model": GROK, "units": {"in\0put": 1}}, ["units.in\0put"]),
        ({"model": "gr\0k", "units": {"input": 1}}, ["model"]),
        ({"model": 5.5, "units": {"input": 1}, "project": {}}, ["model", "project"]),
        (FOUR_AND_FOUR | {"project": "pr\0j"}, ["project"]),
    ],
)
@pytest.mark.parametrize("path", ["quotes", "purchases"])
def test_refuses_a_body_with_an_unknown_or_invalid_field(
    api: ApiCast, path: str, body: Any, fields: list[str]
) -> None:
    response = api.bob.post(path, body, key="k")

    assert problem(response) == (400, "invalid_request")
    assert list(response.json()["errors"]) == fields
    assert not Purchase.objects.exists()


@pytest.mark.parametrize(
    "unknown",
    [{"model": "gpt-9"}, {"project": "proj_unknown"}, {"pool": "pt_unknown"}],
)
def test_an_unknown_model_project_or_pool_is_not_found(
    api: ApiCast, unknown: dict[str, str]
) -> None:
    assert problem(api.bob.post("purchases", FOUR_AND_FOUR | unknown, key="k")) == (
        404,
        "not_found",
    )


def test_charlie_cannot_name_the_pool_or_project_of_acme(api: ApiCast) -> None:
    purchase = api.bob.buys(input=1)

    for field in ("pool", "project"):
        order = FOUR_AND_FOUR | {field: purchase[field]}
        assert problem(api.charlie.post("quotes", order)) == (404, "not_found")
