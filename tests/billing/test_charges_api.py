"""Charges through the API."""

from typing import Any

import pytest

from billing.models import OrderForm
from tests.api_client import Neighbours, code, neighbours
from tests.cast import GROK

pytestmark = pytest.mark.django_db


@pytest.fixture
def here() -> Neighbours:
    return neighbours()


def test_charges_are_the_first_term_and_then_a_day_at_a_time(here: Neighbours) -> None:
    OrderForm.objects.update(discount_percent="12.50")
    lot = here.bob.buys(input=4)["lots"][0]["id"]
    here.come_to("2026-02-02")

    charges = here.bob.get("charges").json()["data"]

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


def test_charges_are_found_by_lot_and_posting_day(here: Neighbours) -> None:
    first, second = (lot["id"] for lot in here.bob.buys(input=1, output=1)["lots"])
    here.come_to("2026-02-03")

    def found(**query: str) -> list[tuple[str, str]]:
        charges = here.bob.get("charges", **query).json()["data"]
        return [(charge["lot"], charge["posted_on"]) for charge in charges]

    assert found(lot=second, posted_from="2026-02-01", posted_to="2026-02-03") == [
        (second, "2026-02-02"),
        (second, "2026-02-01"),
    ]
    assert found(lot=first, posted_to="2026-02-01") == [(first, "2026-01-10")]
    assert found(posted_from="2026-02-03") == [(second, "2026-02-03"), (first, "2026-02-03")]
    assert found(lot="lot_unknown") == []


@pytest.mark.parametrize(
    "day", ["tomorrow", "2026-02-30", "20260201", "2026-2-1", "2026-02-01T00:00:00Z", ""]
)
@pytest.mark.parametrize("name", ["posted_from", "posted_to"])
def test_a_day_is_written_one_way(here: Neighbours, name: str, day: str) -> None:
    answer = here.bob.get("charges", **{name: day})

    assert code(answer) == (400, "invalid_request")
    assert list(answer.json()["errors"]) == [name]
