"""The page of purchase requests, its dialogs, and the purchasers' limits (R20, R21)."""

import re
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import Role
from capacity.models import ApprovalThreshold, Purchase, PurchaseRequest
from tests.api_client import ApiCast
from tests.cast import GROK, person, signed_in

pytestmark = pytest.mark.django_db

CHECKOUT = {"model": GROK, "input": "6"}


@pytest.fixture
def api(api: ApiCast) -> ApiCast:
    """Purchases of more than $50.00 per day need approval; it is noon of 2026-01-10."""
    api.alice.put("approval", {"threshold_per_day": 5_000})
    return api


def url(api: ApiCast, route: str, *rest: str) -> str:
    return reverse(route, args=[api.acme.organization.public_id, *rest])


def text(response: Any) -> str:
    return re.sub(r"\s+", " ", re.sub("<[^>]*>", " ", response.content.decode()))


def form_of(response: Any) -> dict[str, str]:
    """The hidden fields of a dialog."""
    pairs = re.findall(r'name="(\w+)" value="([^"]*)"', response.content.decode())
    return dict(pairs)


def asks(browser: Client, api: ApiCast) -> PurchaseRequest:
    """Somebody checks out without scripts and is led to the request."""
    dialog = browser.get(url(api, "checkout"), CHECKOUT)
    assert "needs a second owner's approval" in text(dialog).replace("&#x27;", "'")
    response = browser.post(url(api, "checkout"), form_of(dialog))
    request = PurchaseRequest.objects.latest("pk")
    assert response.headers["Location"] == f"{url(api, 'purchase_requests')}#{request.public_id}"
    return request


def test_bob_sees_his_request_but_nothing_to_approve(api: ApiCast) -> None:
    bob = signed_in(api.acme.bob)
    asks(bob, api)
    page = text(bob.get(url(api, "purchase_requests")))
    assert "Asked for approval of 6 input units" in page
    assert "Withdraw" in page
    assert "Approve " not in page
    assert "waiting" not in page, "nothing waits for Bob"


def test_alice_approves_what_it_costs_today_without_scripts(api: ApiCast) -> None:
    alice = signed_in(api.acme.alice)
    request = asks(signed_in(api.acme.bob), api)
    page = text(alice.get(url(api, "purchase_requests")))
    assert "Purchase requests 1 waiting" in page
    assert "$60.00 $1,320.00 2026-01-17" in page
    approve = url(api, "approve_request", request.public_id)
    dialog = alice.get(approve)
    assert "$1,320.00" in text(dialog)
    form = form_of(dialog)
    api.set_clock("2026-01-11")
    refused = alice.post(approve, form)
    assert refused.status_code == 422
    assert "$1,260.00 would be charged today" in text(refused)
    form = form_of(alice.get(approve))
    done = alice.post(approve, form, follow=True)
    assert "Approved: 6 input units of" in text(done)
    assert "Nothing waits for approval" in text(done)
    assert "$1,260.00 charged" in text(done)
    assert "waiting" not in text(done)
    again = alice.post(approve, form, follow=True)
    assert "Approved: 6 input units of" in text(again)
    assert Purchase.objects.count() == 1
    assert "was approved by Alice" in text(alice.get(approve))


def test_a_checkout_that_is_sent_again_asks_once(api: ApiCast) -> None:
    bob = signed_in(api.acme.bob)
    form = form_of(bob.get(url(api, "checkout"), CHECKOUT))
    first, second = (bob.post(url(api, "checkout"), form) for _ in range(2))
    assert first.headers["Location"] == second.headers["Location"]
    reopened = bob.get(url(api, "checkout"), CHECKOUT | {"key": form["key"]})
    assert reopened.headers["Location"] == first.headers["Location"]
    assert PurchaseRequest.objects.count() == 1


def test_alice_declines_with_a_reason_and_bob_withdraws(api: ApiCast) -> None:
    alice, bob = signed_in(api.acme.alice), signed_in(api.acme.bob)
    decline = url(api, "decline_request", asks(bob, api).public_id)
    too_long = alice.post(decline, {"reason": "x" * 301})
    assert too_long.status_code == 422
    assert "at most 300 characters" in text(too_long)
    page = text(alice.post(decline, {"reason": "Not before  May."}, follow=True))
    assert "Not before May." in page
    late = alice.post(decline, {"reason": ""})
    assert late.status_code == 422
    assert "was declined by Alice" in text(late)

    withdraw = url(api, "withdraw_request", asks(bob, api).public_id)
    assert "Only Bob, who asked" in text(alice.post(withdraw, follow=True))
    assert "is withdrawn. Nothing was bought." in text(bob.post(withdraw, follow=True))
    page = text(bob.get(url(api, "purchase_requests"), {"decided-status": "withdrawn"}))
    assert "1 request matches" in page


def test_a_request_that_cannot_be_approved_says_why_before(api: ApiCast) -> None:
    alice = signed_in(api.acme.alice)
    request = asks(signed_in(api.acme.bob), api)
    api.alice.put(f"purchasers/{api.acme.bob.person.public_id}", {"limit_per_day": 0})
    dialog = alice.get(url(api, "approve_request", request.public_id))
    assert "This cannot be approved" in text(dialog)
    assert "One purchase of Bob may cost at most $0.00 per day" in text(dialog)
    assert "Approve and buy" not in text(dialog)


def test_owners_see_only_what_waits_for_them(api: ApiCast) -> None:
    dora = signed_in(person("Dora", api.acme.organization, Role.OWNER))
    alice = signed_in(api.acme.alice)
    request = asks(alice, api)
    page = text(alice.get(url(api, "purchase_requests")))
    assert "waiting" not in page
    assert "Withdraw" in page
    assert "Purchase requests 1 waiting" in text(dora.get(url(api, "limits")))
    own = alice.get(url(api, "approve_request", request.public_id))
    assert "another owner has to decide it" in text(own)


@pytest.mark.parametrize(
    ("typed", "stored", "said"),
    [
        ("$1,000", 100_000, "more than $1,000.00 per day now needs"),
        ("", None, "No purchase needs approval any more"),
        ("a lot", 5_000, "or nothing for no threshold"),
    ],
)
def test_alice_sets_the_threshold(api: ApiCast, typed: str, stored: int | None, said: str) -> None:
    response = signed_in(api.acme.alice).post(
        url(api, "set_threshold"), {"amount": typed}, follow=True
    )
    assert said in text(response)
    assert response.status_code == (422 if typed == "a lot" else 200)
    assert ApprovalThreshold.objects.values_list("amount", flat=True).first() == stored


def test_alice_sets_the_limit_of_bob_where_he_is_listed(api: ApiCast) -> None:
    alice, bob = signed_in(api.acme.alice), api.acme.bob.person.public_id
    page = text(alice.post(url(api, "set_purchaser_limit", bob), {"amount": "40"}, follow=True))
    assert "One purchase of Bob may now cost at most $40.00 per day" in page
    assert "At most $40.00 per day a purchase Change limit" in page
    bobs_page = text(signed_in(api.acme.bob).get(url(api, "scale_tier")))
    assert "At most $40.00 per day a purchase" in bobs_page
    assert "Change limit" not in bobs_page
    wrong = alice.post(url(api, "set_purchaser_limit", bob), {"amount": "-1"})
    assert wrong.status_code == 422
    assert "Enter an amount" in text(wrong)
    page = text(alice.post(url(api, "set_purchaser_limit", bob), {"amount": ""}, follow=True))
    assert "Purchases of Bob have no limit now" in page


def test_whoever_approves_sees_the_capacity_before_and_after(api: ApiCast) -> None:
    alice, bob = signed_in(api.acme.alice), signed_in(api.acme.bob)
    request = asks(bob, api)
    picture = url(api, "approval_timeline", request.public_id)
    assert picture in alice.get(url(api, "approve_request", request.public_id)).text
    shown = alice.get(picture, headers={"HX-Request": "true"}).text
    assert shown.count("data-chart") == 1
    assert "Input: 189,000 TPM after this purchase" in shown
    assert "TPM without it" in shown
    assert bob.get(picture).status_code == 403
    bob.post(url(api, "withdraw_request", request.public_id))
    assert "data-chart" not in alice.get(picture, headers={"HX-Request": "true"}).text
