"""Cancellations through the API: quoting, cancelling and undoing."""

from typing import Any

import pytest

from tests.api_client import ApiCast, problem

pytestmark = pytest.mark.django_db


@pytest.fixture
def lot(api: ApiCast) -> str:
    """Four input units of Grok, bought by Bob on 2026-01-10."""
    return str(api.bob.buys(input=4)["lots"][0]["id"])


def test_a_quote_says_what_a_cancellation_would_do_and_changes_nothing(
    api: ApiCast, lot: str
) -> None:
    api.bob.buys(input=1)
    api.set_clock("2026-01-15")

    assert api.bob.get(f"lots/{lot}/cancellations/quote", units=3).json() == {
        "units": 3,
        "ends_on": "2026-02-09",
        "last_charged_day": "2026-02-08",
        "remaining_cost": {"amount": 3 * 8 * 1_000, "currency": "usd"},
        "tpm": {"before": 157_500, "after": 63_000},
    }
    assert api.bob.get("cancellations").json()["data"] == []


def test_a_quote_counts_the_units_that_end_by_then_anyway(api: ApiCast, lot: str) -> None:
    same_day = api.bob.buys(input=2, output=3)["lots"][0]["id"]
    api.set_clock("2026-01-20")
    later = api.bob.buys(input=1)["lots"][0]["id"]
    api.bob.cancels(same_day, 1)
    api.bob.cancels(later, 1)

    quote = api.bob.get(f"lots/{lot}/cancellations/quote", units=3).json()

    assert (quote["ends_on"], quote["tpm"]) == (
        "2026-02-09",
        {"before": 7 * 31_500, "after": 3 * 31_500},
    )


@pytest.mark.parametrize("units", ["0", "-1", "x", "1.0", "٣", "", "1" * 40])
def test_a_quote_needs_a_number_of_units(api: ApiCast, lot: str, units: str) -> None:
    response = api.bob.get(f"lots/{lot}/cancellations/quote", units=units)

    assert problem(response) == (400, "invalid_request")
    assert list(response.json()["errors"]) == ["units"]


def test_bob_cancels_units_which_stay_active_until_their_end(api: ApiCast, lot: str) -> None:
    api.set_clock("2026-01-15")
    response = api.bob.post(f"lots/{lot}/cancellations", {"units": 3}, key="k")
    cancellation = response.json()

    assert response.status_code == 201
    assert cancellation == {
        "id": cancellation["id"],
        "lot": lot,
        "units": 3,
        "requested_at": "2026-01-15T12:00:00Z",
        "requested_by": api.acme.bob.person.public_id,
        "ends_on": "2026-02-09",
        "status": "scheduled",
    }
    assert cancellation["id"].startswith("can_")
    assert api.bob.get("cancellations").json() == {"data": [cancellation], "next": None}
    lot_after = api.bob.get(f"lots/{lot}").json()
    assert lot_after["active_units"] == 4
    assert lot_after["cancelling"] == [{"units": 3, "ends_on": "2026-02-09"}]


def test_a_request_opens_due_days_before_it_reads_a_lot(api: ApiCast, lot: str) -> None:
    cancellation = api.bob.cancels(lot, 3)["id"]
    api.set_clock("2026-02-10", "00:00")

    lot_after = api.bob.get(f"lots/{lot}").json()

    assert (lot_after["units"], lot_after["active_units"]) == (4, 1)
    assert lot_after["charged_until"] == "2026-02-11"
    assert lot_after["cancelling"] == []
    assert lot_after["expired"] == [{"units": 3, "ended_on": "2026-02-09", "reason": "cancelled"}]
    assert api.bob.get("cancellations").json()["data"][0]["status"] == "effective"
    undo = api.bob.post(f"cancellations/{cancellation}/undo", key="too late")
    assert problem(undo) == (409, "already_effective")


def test_bob_undoes_a_cancellation(api: ApiCast, lot: str) -> None:
    cancellation = api.bob.cancels(lot, 3)

    response = api.bob.post(f"cancellations/{cancellation['id']}/undo", key="undo")

    assert response.status_code == 200
    assert response.json() == cancellation | {"status": "undone"}
    assert api.bob.get(f"lots/{lot}").json()["cancelling"] == []


def test_undoing_takes_no_fields(api: ApiCast, lot: str) -> None:
    cancellation = api.bob.cancels(lot, 1)["id"]

    response = api.bob.post(f"cancellations/{cancellation}/undo", {"units": 1}, key="k")

    assert response.json()["errors"] == {"units": ["There is no such field."]}
    assert api.bob.post(f"cancellations/{cancellation}/undo", {}, key="k").status_code == 200


@pytest.mark.parametrize(
    ("units", "refusal"),
    [
        (5, (409, "units_exceed_active")),
        (10**30, (409, "units_exceed_active")),
        (0, (400, "invalid_request")),
        (-1, (400, "invalid_request")),
        ("1", (400, "invalid_request")),
        (True, (400, "invalid_request")),
    ],
)
def test_only_units_that_are_active_can_be_cancelled(
    api: ApiCast, lot: str, units: Any, refusal: tuple[int, str]
) -> None:
    response = api.bob.post(f"lots/{lot}/cancellations", {"units": units}, key="k")

    assert problem(response) == refusal
    assert list(response.json()["errors"]) == ["units"]
