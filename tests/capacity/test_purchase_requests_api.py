"""Purchase requests and purchasers' limits through the API (R20, R21)."""

from typing import Any

import pytest

from accounts.models import Project, Role
from capacity.models import Purchase
from tests.api_client import ApiCast, Caller, new_keys, problem, with_key
from tests.cast import GROK, person

pytestmark = pytest.mark.django_db

ORDER = {"model": GROK, "units": {"input": 4, "output": 2}}


def usd(amount: int) -> dict[str, Any]:
    return {"amount": amount * 100, "currency": "usd"}


@pytest.fixture
def api(api: ApiCast) -> ApiCast:
    """Purchases of more than $50.00 per day need approval; it is noon of 2026-01-10."""
    response = api.alice.put("approval", {"threshold_per_day": usd(50)})
    assert response.json() == {"threshold_per_day": usd(50)}
    return api


def asks(caller: Caller) -> str:
    response = caller.post("purchases", ORDER, key=next(new_keys))
    assert response.status_code == 202, response.content
    return str(response.json()["id"])


def test_a_purchase_that_needs_approval_is_accepted_with_a_request(api: ApiCast) -> None:
    assert api.bob.post("quotes", ORDER).json()["needs_approval"] is True
    assert api.alice.post("quotes", ORDER).json()["needs_approval"] is False

    first = api.bob.post("purchases", ORDER, key="order-17")

    assert first.status_code == 202
    request = {
        "status": "pending",
        "model": GROK,
        "units": {"input": 4, "output": 2},
        "project": Project.objects.get(organization=api.acme.organization).public_id,
        "pool": None,
        "due_now": usd(22 * 60),
        "then_per_day": usd(60),
        "requested_by": api.acme.bob.person.public_id,
        "requested_at": "2026-01-10T12:00:00Z",
        "lapses_on": "2026-01-17",
        "decided_by": None,
        "decided_at": None,
        "reason": "",
        "purchase": None,
    }
    request_id = first.json()["id"]
    assert request_id.startswith("req_")
    assert first.json() == {"id": request_id, **request}
    assert api.bob.get(f"purchase-requests/{request_id}").json() == first.json()

    api.set_clock("2026-01-12")
    today = first.json() | {"due_now": usd(20 * 60)}
    assert api.alice.get("purchase-requests").json() == {"data": [today], "next": None}
    assert api.alice.get("purchase-requests", status="lapsed").json()["data"] == []

    api.alice.put("approval", {"threshold_per_day": None})
    again = api.bob.post("purchases", ORDER, key="order-17")
    assert (again.status_code, again.content) == (202, first.content), "for good"
    assert not Purchase.objects.exists()


def test_alice_approves_what_she_is_shown_once(api: ApiCast) -> None:
    request_id = asks(api.bob)
    api.set_clock("2026-01-11")
    path = f"purchase-requests/{request_id}/approve"

    assert problem(api.alice.post(path, {"due_now": usd(21 * 60)})) == (
        400,
        "idempotency_key_required",
    )
    stale = api.alice.post(path, {"due_now": usd(22 * 60)}, key="stale")
    assert problem(stale) == (409, "quote_changed")
    assert problem(api.alice.post(path, {}, key="none")) == (400, "invalid_request")
    approved = api.alice.post(path, {"due_now": usd(21 * 60)}, key="yes")

    assert approved.status_code == 200
    body = approved.json()
    purchase = api.bob.get("purchases").json()["data"][0]
    assert (body["status"], body["purchase"]) == ("approved", purchase["id"])
    assert (body["due_now"], body["decided_by"]) == (
        usd(21 * 60),
        api.acme.alice.person.public_id,
    )
    assert purchase["created_by"] == api.acme.bob.person.public_id
    assert api.alice.post(path, {"due_now": usd(21 * 60)}, key="yes").content == approved.content
    other = api.alice.post(path, {"due_now": usd(21 * 60)}, key="twice")
    assert problem(other) == (409, "already_effective")
    assert Purchase.objects.count() == 1


def test_declining_and_withdrawing_need_no_key_but_take_one(api: ApiCast) -> None:
    dora = with_key(person("Dora", api.acme.organization, Role.OWNER), api.acme.organization)
    path = f"purchase-requests/{asks(api.alice)}"
    assert problem(api.alice.post(f"{path}/decline")) == (403, "not_allowed")
    assert problem(dora.post(f"{path}/decline", {"reason": "x" * 301})) == (400, "invalid_request")
    declined = dora.post(f"{path}/decline", {"reason": "Too early."}, key="no")
    assert (declined.status_code, declined.json()["status"]) == (200, "declined")
    assert declined.json()["reason"] == "Too early."
    again = dora.post(f"{path}/decline", {"reason": "Too early."}, key="no")
    assert again.content == declined.content
    assert problem(dora.post(f"{path}/decline")) == (409, "already_effective")

    path = f"purchase-requests/{asks(api.bob)}"
    assert problem(api.alice.post(f"{path}/withdraw")) == (403, "not_allowed")
    assert api.bob.post(f"{path}/withdraw").json()["status"] == "withdrawn"
    assert problem(api.bob.post(f"{path}/withdraw")) == (409, "already_effective")


def test_the_limit_of_a_purchaser_is_set_shown_and_lifted(api: ApiCast) -> None:
    path = f"purchasers/{api.acme.bob.person.public_id}"
    limited = api.alice.put(path, {"limit_per_day": usd(40)})
    assert limited.status_code == 200
    assert limited.json()["limit_per_day"] == usd(40)
    assert api.alice.get("purchasers").json()["data"] == [limited.json()]
    refusals = api.bob.post("quotes", ORDER).json()["refusals"]
    assert [refusal["code"] for refusal in refusals] == ["purchaser_limit_exceeded"]
    refused = api.bob.post("purchases", ORDER, key="k")
    assert problem(refused) == (409, "purchaser_limit_exceeded")
    api.bob.buys(input=4)

    assert api.alice.put(path, {"limit_per_day": None}).json()["limit_per_day"] is None
    alice = api.acme.alice.person.public_id
    assert problem(api.alice.put(f"purchasers/{alice}", {"limit_per_day": 1})) == (404, "not_found")
    for body in ({}, {"limit_per_day": "5"}, {"limit_per_day": -1}):
        assert problem(api.alice.put(path, body)) == (400, "invalid_request")


def test_purchasers_read_the_threshold_and_owners_alone_set_it(api: ApiCast) -> None:
    assert api.bob.get("approval").json() == {"threshold_per_day": usd(50)}
    assert problem(api.bob.put("approval", {"threshold_per_day": 1})) == (403, "not_allowed")
    for body in ({}, {"threshold_per_day": "5"}, {"threshold": 5}):
        assert problem(api.alice.put("approval", body)) == (400, "invalid_request")
