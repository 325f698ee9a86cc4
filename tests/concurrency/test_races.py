"""Races, by real threads on real connections: the database decides, once."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from threading import Barrier
from typing import Any

import pytest
from django.db import connection

from accounts.errors import Refusal
from accounts.operations.idempotency import AnsweredBefore, Once
from billing.models import Charge
from capacity.models import Cancellation, Lot, Purchase
from capacity.operations.cancellations import cancel_units
from capacity.operations.catalogue import set_supply
from capacity.operations.opening import open_due_days, open_everyones_due_days
from capacity.operations.purchases import buy_units
from tests.cast import GROK, OPERATOR, Acme, at, load_catalogue, make_acme

pytestmark = pytest.mark.django_db(transaction=True)


def at_once(*actions: Callable[[], Any]) -> list[Any]:
    """Run all at the same moment, each on its own connection; refusals are results too."""
    start = Barrier(len(actions))

    def run(action: Callable[[], Any]) -> Any:
        start.wait()
        try:
            return action()
        except (Refusal, AnsweredBefore) as answer:
            return answer
        finally:
            connection.close()

    with ThreadPoolExecutor(len(actions)) as threads:
        return list(threads.map(run, actions))


def codes(results: list[Any]) -> list[str]:
    return sorted(result.code for result in results if isinstance(result, Refusal))


@pytest.fixture
def acme() -> Acme:
    load_catalogue()
    return make_acme()


def test_the_last_unit_of_a_supply_is_sold_once(acme: Acme) -> None:
    set_supply(model=GROK, kind="input", cap=3, by=OPERATOR, now=at("2026-01-01"))
    buyers = [acme, *(make_acme() for _ in range(5))]
    results = at_once(*(lambda buyer=buyer: buyer.buys("2026-01-10", input=1) for buyer in buyers))
    assert codes(results) == ["insufficient_supply"] * 3
    assert Lot.objects.count() == 3


def test_two_cancellations_of_the_same_units_cannot_both_succeed(acme: Acme) -> None:
    lot = acme.lot(acme.buys("2026-01-10", input=4))

    def cancel() -> Cancellation:
        return cancel_units(
            organization=acme.organization,
            lot_id=lot.public_id,
            units=3,
            by=acme.alice,
            now=at("2026-01-11"),
        )

    assert codes(at_once(cancel, cancel)) == ["units_exceed_active"]
    assert Cancellation.objects.count() == 1


def test_the_same_idempotency_key_twice_at_once_buys_once(acme: Acme) -> None:
    once = Once.of(
        key="checkout-1",
        request=("/purchases", {"input": 1}),
        render=lambda purchase: {"id": purchase.public_id},
    )

    def buy() -> Purchase:
        return buy_units(
            organization=acme.organization,
            model=GROK,
            units={"input": 1},
            by=acme.alice,
            now=at("2026-01-10"),
            once=once,
        )

    results = at_once(buy, buy, buy)
    [bought] = [result for result in results if isinstance(result, Purchase)]
    replays = [result.body for result in results if isinstance(result, AnsweredBefore)]
    assert replays == [{"id": bought.public_id}] * 2
    assert Purchase.objects.count() == 1


def test_many_workers_knocking_charge_each_day_once(acme: Acme) -> None:
    buyers = [acme, *(make_acme() for _ in range(3))]
    for buyer in buyers:
        buyer.buys("2026-01-10", input=1, output=1)
    now = datetime(2026, 2, 10, 0, 0, tzinfo=UTC)
    at_once(
        lambda: open_everyones_due_days(now=now),
        lambda: open_everyones_due_days(now=now),
        lambda: open_due_days(organization=acme.organization, now=now),
        lambda: acme.buys("2026-02-10", input=1),
    )
    open_everyones_due_days(now=now)
    assert Charge.objects.filter(type="renewal").count() == 4 * 2 * 10
