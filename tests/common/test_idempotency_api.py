"""Idempotency keys: the same key with the same request returns the first response (R17)."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from django.db import connection

from capacity.models import Cancellation, Purchase
from tests.api_client import ApiCast, problem
from tests.cast import GROK

ORDER = {"model": GROK, "units": {"input": 1}}


def test_buying_twice_with_one_key_buys_once(api: ApiCast) -> None:
    first = api.bob.post("purchases", ORDER, key="one")
    api.alice.cancels(first.json()["lots"][0]["id"], 1)
    api.set_clock("2026-03-15")

    second = api.bob.post("purchases", ORDER, key="one")

    assert (second.status_code, second.content) == (201, first.content)
    assert Purchase.objects.count() == 1


def test_the_order_of_names_in_a_body_does_not_matter(api: ApiCast) -> None:
    first = api.bob.post("purchases", ORDER, key="one")
    second = api.bob.post("purchases", dict(reversed(ORDER.items())), key="one")

    assert second.content == first.content


def test_refuses_a_key_that_another_request_has_used(api: ApiCast) -> None:
    lot = api.bob.post("purchases", ORDER, key="one").json()["lots"][0]["id"]

    other_units = api.bob.post("purchases", ORDER | {"units": {"input": 2}}, key="one")
    other_path = api.bob.post(f"lots/{lot}/cancellations", {"units": 1}, key="one")

    assert problem(other_units) == (422, "idempotency_key_reused")
    assert problem(other_path) == (422, "idempotency_key_reused")
    assert (Purchase.objects.count(), Cancellation.objects.count()) == (1, 0)


def test_two_organizations_may_use_the_same_key(api: ApiCast) -> None:
    api.bob.post("purchases", ORDER, key="one")

    response = api.charlie.post("purchases", ORDER, key="one")

    assert problem(response) == (409, "order_form_required")


def test_a_conflict_is_a_response_that_is_stored_too(api: ApiCast) -> None:
    lot = api.bob.buys(input=2)["lots"][0]["id"]
    cancellation = api.bob.cancels(lot, 2)
    first = api.bob.post(f"lots/{lot}/cancellations", {"units": 1}, key="too many")
    assert problem(first) == (409, "units_exceed_active")
    api.bob.post(f"cancellations/{cancellation['id']}/undo", key="undo")

    second = api.bob.post(f"lots/{lot}/cancellations", {"units": 1}, key="too many")

    assert (second.status_code, second.content) == (409, first.content)
    assert second["Content-Type"] == first["Content-Type"]


def test_cancelling_and_undoing_twice_with_one_key_does_it_once(api: ApiCast) -> None:
    lot = api.bob.buys(input=2)["lots"][0]["id"]

    cancellations = [
        api.bob.post(f"lots/{lot}/cancellations", {"units": 1}, key="c") for _ in range(2)
    ]
    path = f"cancellations/{cancellations[0].json()['id']}/undo"
    undos = [api.bob.post(path, key="u") for _ in range(2)]

    assert [response.status_code for response in cancellations + undos] == [201, 201, 200, 200]
    assert cancellations[0].content == cancellations[1].content
    assert undos[0].content == undos[1].content
    assert Cancellation.objects.count() == 1


@pytest.mark.parametrize("path", ["purchases", "lots/lot_1/cancellations", "cancellations/1/undo"])
def test_refuses_a_change_without_a_key(api: ApiCast, path: str) -> None:
    bodies: dict[str, Any] = {"purchases": ORDER, "lots/lot_1/cancellations": {"units": 1}}

    assert problem(api.bob.post(path, bodies.get(path))) == (400, "idempotency_key_required")


@pytest.mark.parametrize("key", ["k" * 256, "k\u00a0k"])
def test_refuses_a_key_that_is_too_long_or_not_printable(api: ApiCast, key: str) -> None:
    assert problem(api.bob.post("purchases", ORDER, key=key)) == (400, "invalid_request")


@pytest.mark.django_db(transaction=True)
def test_two_requests_at_once_with_one_key_buy_once(api: ApiCast) -> None:
    start = Barrier(2)

    def buy(_: int) -> Any:
        try:
            start.wait(timeout=10)
            return api.bob.post("purchases", ORDER, key="both")
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as threads:
        first, second = threads.map(buy, range(2))

    assert (first.status_code, second.status_code) == (201, 201)
    assert first.content == second.content
    assert Purchase.objects.count() == 1


def test_a_request_that_was_wrong_in_itself_leaves_its_key_free(api: ApiCast) -> None:
    wrong = api.bob.post("purchases", {"model": GROK, "units": {"combined": 1}}, key="one")
    right = api.bob.post("purchases", ORDER, key="one")

    assert problem(wrong) == (400, "invalid_request")
    assert right.status_code == 201
