"""Transactions through the API."""

import pytest

from tests.api_client import ApiCast
from tests.cast import GPT, GROK

pytestmark = pytest.mark.django_db


def test_transactions_list_what_happened_to_units_newest_first(api: ApiCast) -> None:
    lot = api.bob.buys(input=4)["lots"][0]["id"]
    undone = api.bob.cancels(lot, 1)
    api.alice.post(f"cancellations/{undone['id']}/undo", key="undo")
    api.bob.cancels(lot, 3)
    api.set_clock("2026-02-09")

    transactions = api.bob.get("transactions").json()["data"]

    bob, alice = api.acme.bob.person.public_id, api.acme.alice.person.public_id
    assert [(row["type"], row["units"], row["by"]) for row in transactions] == [
        ("expiry", 3, None),
        ("cancellation", 3, bob),
        ("undo", 1, alice),
        ("cancellation", 1, bob),
        ("purchase", 4, bob),
    ]
    assert transactions[-1] == {
        "id": transactions[-1]["id"],
        "type": "purchase",
        "at": "2026-01-10T12:00:00Z",
        "by": bob,
        "model": GROK,
        "kind": "input",
        "units": 4,
        "lot": lot,
        "note": "Last day of the first term 2026-01-31, of the commitment 2026-02-08",
    }
    assert transactions[0]["at"] == "2026-02-09T00:00:00Z"
    assert api.bob.get("transactions", model=GPT).json()["data"] == []
