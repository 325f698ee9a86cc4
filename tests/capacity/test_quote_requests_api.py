"""Quote requests through the API (R23)."""

from typing import Any

import pytest

from accounts.models import Organization, Role
from tests.api_client import ApiCast, problem, with_key
from tests.cast import GROK, person

pytestmark = pytest.mark.django_db

COMBINED = "gpt-5.4"


def usd(amount: int) -> dict[str, object]:
    return {"amount": amount, "currency": "usd"}


def test_alice_asks_by_expected_tpm_and_reads_units_and_daily_price(api: ApiCast) -> None:
    body = {
        "models": [
            {"model": COMBINED, "input_tpm": 60_000, "output_tpm": 10_000},
            {"model": GROK, "output_tpm": 12_501},
        ],
        "note": "From March on.\nThank you.",
    }

    made = api.alice.post("quote-requests", body)

    assert made.status_code == 201
    assert made.json() == {
        "id": made.json()["id"],
        "status": "open",
        "created_at": "2026-01-10T12:00:00Z",
        "created_by": api.acme.alice.person.public_id,
        "models": [body["models"][0], {"model": GROK, "input_tpm": 0, "output_tpm": 12_501}],
        "note": body["note"],
        "lines": [
            {
                "model": COMBINED,
                "kind": "combined",
                "units": 3,
                "tpm": 150_000,
                "price_per_day": usd(30_000),
            },
            {
                "model": GROK,
                "kind": "output",
                "units": 2,
                "tpm": 25_000,
                "price_per_day": usd(1_000),
            },
        ],
        "per_day": usd(92_000),
        "reply": "",
        "replied_at": None,
        "withdrawn_at": None,
        "order_form": None,
    }
    assert api.alice.get("quote-requests").json()["data"] == [made.json()]
    again = api.alice.post("quote-requests", body | {"note": None})
    assert (again.status_code, again.json()["note"]) == (201, "")


MISTAKES: list[tuple[dict[str, Any], int, str]] = [
    ({}, 400, "models"),
    ({"models": []}, 400, "models"),
    ({"models": [{"model": GROK}] * 21}, 400, "models"),
    ({"models": [{"input_tpm": 1}]}, 400, "models.0.model"),
    ({"models": [{"model": GROK, "input_tpm": "1"}]}, 400, "models.0.input_tpm"),
    ({"models": [{"model": GROK, "input_tpm": -1}]}, 400, "models.0.input_tpm"),
    ({"models": [{"model": GROK, "tpm": 1, "input_tpm": 1}]}, 400, "models.0.tpm"),
    ({"models": [{"model": GROK}]}, 400, "models.0.input_tpm"),
    ({"models": [{"model": "gpt-9", "input_tpm": 1}]}, 404, "models.0.model"),
    ({"models": [{"model": GROK, "input_tpm": 1}], "note": 7}, 400, "note"),
]


def test_what_is_wrong_is_named(api: ApiCast, subtests: pytest.Subtests) -> None:
    for body, status, field in MISTAKES:
        with subtests.test(f"{body}"):
            refusal = api.alice.post("quote-requests", body)
            assert problem(refusal)[0] == status
            assert list(refusal.json()["errors"]) == [field]


def test_any_owner_withdraws_a_request_until_it_is_answered(api: ApiCast) -> None:
    body = {"models": [{"model": GROK, "input_tpm": 1}]}
    made = api.alice.post("quote-requests", body).json()
    dora = with_key(
        person("Dora", api.acme.organization, Role.OWNER), Organization.objects.get(name="Acme")
    )

    withdrawn = dora.post(f"quote-requests/{made['id']}/withdraw")

    assert withdrawn.status_code == 200
    assert withdrawn.json() == made | {
        "status": "withdrawn",
        "withdrawn_at": "2026-01-10T12:00:00Z",
    }
    assert api.alice.get("quote-requests").json()["data"] == [withdrawn.json()]
    entry = api.alice.get("audit").json()["data"][0]
    assert (entry["action"], entry["subject"]) == ("quote_request.withdrawn", made["id"])
    again = api.alice.post(f"quote-requests/{made['id']}/withdraw")
    assert problem(again) == (409, "already_answered")
    assert again.json()["detail"] == "This request is withdrawn already."
