"""The same key, the same body: the first answer, for good (R17)."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from django.db import connection

from capacity.models import Cancellation, Purchase
from tests.api_client import Neighbours, code, neighbours
from tests.cast import GROK

ORDER = {"model": GROK, "units": {"input": 1}}


@pytest.fixture
def here() -> Neighbours:
    return neighbours()


@pytest.mark.django_db
def test_buying_twice_with_one_key_buys_once(here: Neighbours) -> None:
    first = here.bob.post("purchases", ORDER, key="one")
    here.alice.cancels(first.json()["lots"][0]["id"], 1)
    here.come_to("2026-03-15")

    again = here.bob.post("purchases", ORDER, key="one")

    assert (again.status_code, again.content) == (201, first.content)
    assert Purchase.objects.count() == 1


@pytest.mark.django_db
def test_the_order_of_names_in_a_body_does_not_matter(here: Neighbours) -> None:
    first = here.bob.post("purchases", ORDER, key="one")
    again = here.bob.post("purchases", dict(reversed(ORDER.items())), key="one")

    assert again.content == first.content


@pytest.mark.django_db
def test_a_key_is_good_for_one_request_only(here: Neighbours) -> None:
    lot = here.bob.post("purchases", ORDER, key="one").json()["lots"][0]["id"]

    other_units = here.bob.post("purchases", ORDER | {"units": {"input": 2}}, key="one")
    other_path = here.bob.post(f"lots/{lot}/cancellations", {"units": 1}, key="one")

    assert code(other_units) == (422, "idempotency_key_reused")
    assert code(other_path) == (422, "idempotency_key_reused")
    assert (Purchase.objects.count(), Cancellation.objects.count()) == (1, 0)


@pytest.mark.django_db
def test_one_organizations_keys_are_nothing_to_another(here: Neighbours) -> None:
    here.bob.post("purchases", ORDER, key="one")

    assert code(here.charlie.post("purchases", ORDER, key="one")) == (409, "order_form_required")


@pytest.mark.django_db
def test_a_refusal_is_kept_as_well(here: Neighbours) -> None:
    lot = here.bob.buys(input=2)["lots"][0]["id"]
    cancellation = here.bob.cancels(lot, 2)
    refused = here.bob.post(f"lots/{lot}/cancellations", {"units": 1}, key="too many")
    assert code(refused) == (409, "units_exceed_active")
    here.bob.post(f"cancellations/{cancellation['id']}/undo", key="undo")

    again = here.bob.post(f"lots/{lot}/cancellations", {"units": 1}, key="too many")

    assert (again.status_code, again.content) == (409, refused.content)
    assert again["Content-Type"] == refused["Content-Type"]


@pytest.mark.django_db
def test_cancelling_and_undoing_twice_is_doing_it_once(here: Neighbours) -> None:
    lot = here.bob.buys(input=2)["lots"][0]["id"]

    cancelled = [here.bob.post(f"lots/{lot}/cancellations", {"units": 1}, key="c") for _ in "12"]
    undo = f"cancellations/{cancelled[0].json()['id']}/undo"
    undone = [here.bob.post(undo, key="u") for _ in "12"]

    assert [answer.status_code for answer in cancelled + undone] == [201, 201, 200, 200]
    assert cancelled[0].content == cancelled[1].content
    assert undone[0].content == undone[1].content
    assert Cancellation.objects.count() == 1


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["purchases", "lots/lot_1/cancellations", "cancellations/1/undo"])
def test_what_changes_things_needs_a_key(here: Neighbours, path: str) -> None:
    bodies: dict[str, Any] = {"purchases": ORDER, "lots/lot_1/cancellations": {"units": 1}}

    assert code(here.bob.post(path, bodies.get(path))) == (400, "idempotency_key_required")


@pytest.mark.django_db
@pytest.mark.parametrize("key", ["k" * 256, "k\u00a0k"])
def test_a_key_is_short_and_printable(here: Neighbours, key: str) -> None:
    assert code(here.bob.post("purchases", ORDER, key=key)) == (400, "invalid_request")


@pytest.mark.django_db(transaction=True)
def test_two_at_once_are_one() -> None:
    here = neighbours()
    start = Barrier(2)

    def buy(_: int) -> Any:
        try:
            start.wait(timeout=10)
            return here.bob.post("purchases", ORDER, key="both")
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as threads:
        first, second = threads.map(buy, range(2))

    assert (first.status_code, second.status_code) == (201, 201)
    assert first.content == second.content
    assert Purchase.objects.count() == 1


@pytest.mark.django_db
def test_a_request_that_was_wrong_in_itself_leaves_its_key_free(here: Neighbours) -> None:
    wrong = here.bob.post("purchases", {"model": GROK, "units": {"combined": 1}}, key="one")
    right = here.bob.post("purchases", ORDER, key="one")

    assert code(wrong) == (400, "invalid_request")
    assert right.status_code == 201
