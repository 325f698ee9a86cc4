"""Quotes and purchases through the API."""

from typing import Any

import pytest

from accounts.operations.projects import create_project
from capacity.models import Purchase
from tests.api_client import Neighbours, code, neighbours
from tests.cast import GROK, at

pytestmark = pytest.mark.django_db

FOUR_AND_FOUR = {"model": GROK, "units": {"input": 4, "output": 4}}


def usd(amount: int) -> dict[str, Any]:
    return {"amount": amount, "currency": "usd"}


@pytest.fixture
def here() -> Neighbours:
    return neighbours()


def test_a_quote_says_everything_and_changes_nothing(here: Neighbours) -> None:
    answer = here.bob.post("quotes", FOUR_AND_FOUR)

    assert answer.status_code == 200
    assert answer.json() == {
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
        "refusals": [],
    }
    assert here.bob.get("purchases").json() == {"data": [], "next": None}


def test_a_quote_says_why_a_purchase_would_be_refused(here: Neighbours) -> None:
    refusals = here.charlie.post("quotes", FOUR_AND_FOUR).json()["refusals"]

    assert refusals == [
        {
            "code": "order_form_required",
            "detail": "No signed order form is in force on 2026-01-10. "
            "Ask an owner to sign one, then buy.",
        }
    ]


def test_bob_buys_and_gets_the_purchase_with_its_lots(here: Neighbours) -> None:
    answer = here.bob.post("purchases", FOUR_AND_FOUR, key="first")
    bought = answer.json()

    assert answer.status_code == 201
    own = Purchase.objects.get()
    lots = own.lots.order_by("pk")
    assert bought == {
        "id": own.public_id,
        "created_at": "2026-01-10T12:00:00Z",
        "created_by": here.acme.bob.person.public_id,
        "model": GROK,
        "project": own.project.public_id,
        "pool": own.pool.public_id,
        "amount": usd(176_000),
        "lots": [
            {
                "id": lot.public_id,
                "purchase": own.public_id,
                "model": GROK,
                "pool": own.pool.public_id,
                "project": own.project.public_id,
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
    assert here.bob.get(f"purchases/{bought['id']}").json() == bought
    assert here.bob.get("purchases").json() == {"data": [bought], "next": None}


def test_bob_buys_for_a_project_and_a_pool(here: Neighbours) -> None:
    project = create_project(
        organization=here.acme.organization, name="Chat", by=here.acme.alice, now=at("2026-01-10")
    ).public_id
    pool = here.bob.post("pools", {"model": GROK, "name": "Chat"}).json()["id"]

    answer = here.bob.post(
        "purchases", FOUR_AND_FOUR | {"project": project, "pool": pool}, key="for chat"
    )

    assert (answer.json()["project"], answer.json()["pool"]) == (project, pool)


def test_no_purchase_without_an_order_form(here: Neighbours) -> None:
    assert code(here.charlie.post("purchases", FOUR_AND_FOUR, key="k")) == (
        409,
        "order_form_required",
    )


@pytest.mark.parametrize("wrong", [True, "4", 4.0, 4.5, None, [4], {"units": 4}])
def test_units_are_whole_numbers_and_nothing_else(here: Neighbours, wrong: Any) -> None:
    answer = here.bob.post("purchases", {"model": GROK, "units": {"input": wrong}}, key="k")

    assert code(answer) == (400, "invalid_request")
    assert list(answer.json()["errors"]) == ["units.input"]


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
def test_a_typo_never_buys_the_wrong_thing(
    here: Neighbours, path: str, body: Any, fields: list[str]
) -> None:
    answer = here.bob.post(path, body, key="k")

    assert code(answer) == (400, "invalid_request")
    assert list(answer.json()["errors"]) == fields
    assert not Purchase.objects.exists()


@pytest.mark.parametrize(
    "unknown",
    [{"model": "gpt-9"}, {"project": "proj_unknown"}, {"pool": "pt_unknown"}],
)
def test_what_is_not_there_is_not_found(here: Neighbours, unknown: dict[str, str]) -> None:
    assert code(here.bob.post("purchases", FOUR_AND_FOUR | unknown, key="k")) == (404, "not_found")


def test_charlie_cannot_name_acmes_pool_or_project(here: Neighbours) -> None:
    bought = here.bob.buys(input=1)

    for field in ("pool", "project"):
        order = FOUR_AND_FOUR | {field: bought[field]}
        assert code(here.charlie.post("quotes", order)) == (404, "not_found")
