"""Charges through the API."""

from typing import Any

import pytest

from tests.api_client import ApiCast, problem
from tests.cast import GROK

pytestmark = pytest.mark.django_db


def test_charges_are_the_first_term_and_then_one_day_each(api: ApiCast) -> None:
    api.acme.signs("2026-01-10", on="2026-01-10", discount="12.5")
    lot = api.bob.buys(input=4)["lots"][0]["id"]
    api.set_clock("2026-02-02")

    charges = api.bob.get("charges").json()["data"]

    def charge(number: int, **rest: Any) -> dict[str, Any]:
        return {
            "id": charges[number]["id"],
            "lot": lot,
            "model": GROK,
            "kind": "input",
            "units": 4,
            "price_per_day": {"amount": 1_000, "currency": "usd"},
            "discount_percent": "12.5",
            **rest,
        }

    assert charges == [
        charge(
            0,
            type="renewal",
            posted_on="2026-02-02",
            service_from="2026-02-02",
            service_to="2026-02-03",
            amount={"amount": 4_000, "currency": "usd"},
        ),
        charge(
            1,
            type="renewal",
            posted_on="2026-02-01",
            service_from="2026-02-01",
            service_to="2026-02-02",
            amount={"amount": 4_000, "currency": "usd"},
        ),
        charge(
            2,
            type="first_term",
            posted_on="2026-01-10",
            service_from="2026-01-10",
            service_to="2026-02-01",
            amount={"amount": 88_000, "currency": "usd"},
        ),
    ]


def test_charges_are_filtered_by_lot_and_posting_day(api: ApiCast) -> None:
    first, second = (lot["id"] for lot in api.bob.buys(input=1, output=1)["lots"])
    api.set_clock("2026-02-03")

    def charges(**query: str) -> list[tuple[str, str]]:
        rows = api.bob.get("charges", **query).json()["data"]
        return [(row["lot"], row["posted_on"]) for row in rows]

    assert charges(lot=second, posted_from="2026-02-01", posted_to="2026-02-03") == [
        (second, "2026-02-02"),
        (second, "2026-02-01"),
    ]
    assert charges(lot=first, posted_to="2026-02-01") == [(first, "2026-01-10")]
    assert charges(posted_from="2026-02-03") == [(second, "2026-02-03"), (first, "2026-02-03")]
    assert charges(lot="lot_unknown") == []


@pytest.mark.parametrize(
    "day", ["tomorrow", "2026-02-30", "20260201", "2026-2-1", "2026-02-01T00:00:00Z", ""]
)
@pytest.mark.parametrize("name", ["posted_from", "posted_to"])
def test_refuses_what_is_no_day_in_the_form_yyyy_mm_dd(api: ApiCast, name: str, day: str) -> None:
    response = api.bob.get("charges", **{name: day})

    assert problem(response) == (400, "invalid_request")
    assert list(response.json()["errors"]) == [name]
