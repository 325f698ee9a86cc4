"""Races of real threads on real connections: the database lets each thing happen once."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
from django.db import connection, transaction
from django.db.models import Sum

from accounts.models import Organization
from accounts.operations.audit import Actor
from accounts.operations.organizations import lock_organization
from accounts.operations.projects import create_project
from billing.domain.money import Money
from billing.models import Charge, SpendAlert
from billing.operations.limits import set_spend_limit
from billing.queries.limits import limits
from capacity.models import Cancellation, Lot, Purchase, PurchaseRequest
from capacity.operations.cancellations import cancel_units
from capacity.operations.catalogue import set_supply
from capacity.operations.days import Opened, open_due_days
from capacity.operations.purchases import buy_units
from capacity.operations.sweep import open_due_days_everywhere
from common.idempotency import IdempotencyKey, ReplayedResponse
from tests.cast import GROK, OPERATOR, Acme, at, make_acme
from tests.concurrency.threads import TIMEOUT_SECONDS, error_codes, run_at_once, run_in_queue

pytestmark = pytest.mark.django_db(transaction=True)


def test_the_last_unit_of_a_supply_is_sold_once(acme: Acme) -> None:
    set_supply(model=GROK, kind="input", cap=3, by=OPERATOR, now=at("2026-01-01"))
    buyers = [acme, *(make_acme() for _ in range(5))]
    results = run_at_once(
        *(lambda buyer=buyer: buyer.buys("2026-01-10", input=1) for buyer in buyers)
    )
    assert error_codes(results) == ["insufficient_supply"] * 3
    assert Lot.objects.count() == 3


def test_a_cap_that_is_set_during_a_purchase_counts_that_purchase(acme: Acme) -> None:
    first, second = make_acme("2026-01-10"), make_acme("2026-01-10")

    def cap_then_buy() -> Purchase:
        set_supply(model=GROK, kind="input", cap=3, by=OPERATOR, now=at("2026-01-10"))
        return second.buys("2026-01-10", input=3)

    results = run_in_queue(
        lambda: first.buys("2026-01-10", input=3), cap_then_buy, behind=_block_new_charges
    )
    assert error_codes(results) == ["insufficient_supply"]
    assert Lot.objects.aggregate(held=Sum("active_units")) == {"held": 3}


def _block_new_charges() -> None:
    """Stop a purchase after it has read what is left, while nobody else sees what it takes."""
    connection.cursor().execute("LOCK TABLE billing_charge IN SHARE MODE")


def test_purchases_of_several_people_at_once_never_pass_a_hard_limit(acme: Acme) -> None:
    """The limit of the organization has room for three units, that of the project for two."""
    project = create_project(
        organization=acme.organization, name="Search", by=acme.alice, now=at("2026-01-10")
    ).public_id
    for project_id, units in ((None, 3), (project, 2)):
        set_spend_limit(
            organization=acme.organization,
            project_id=project_id,
            amount=Money(units * 22 * 1000, "usd"),  # Of 22 days each.
            is_hard=True,
            alerts=[100],
            by=acme.alice,
            now=at("2026-01-10"),
        )

    def buy(person: Actor, project_id: str | None) -> object:
        return buy_units(
            organization=acme.organization,
            model=GROK,
            units={"input": 1},
            project=project_id,
            by=person,
            now=at("2026-01-10"),
        )

    people = (acme.alice, acme.bob)
    buyers = [(person, where) for person in people for where in (None, project, project)]
    results = run_at_once(*(lambda buyer=buyer: buy(*buyer) for buyer in buyers))
    assert error_codes(results) == ["spend_limit_exceeded"] * 3
    spent = limits(acme.organization, on=at("2026-01-10").date())
    assert spent.organization.spent.amount == 3 * 22 * 1000
    assert all(state.spent.amount <= 2 * 22 * 1000 for state in spent.projects if state.limit)
    assert SpendAlert.objects.filter(project=None).count() == 1


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

    assert error_codes(run_at_once(cancel, cancel)) == ["units_exceed_active"]
    assert Cancellation.objects.count() == 1


def test_the_same_idempotency_key_twice_at_once_buys_once(acme: Acme) -> None:
    key = IdempotencyKey.for_request(
        key="checkout-1",
        path="/purchases",
        body={"input": 1},
        render=lambda purchase: {"id": purchase.public_id},
    )

    def buy() -> Purchase | PurchaseRequest:
        return buy_units(
            organization=acme.organization,
            model=GROK,
            units={"input": 1},
            by=acme.alice,
            now=at("2026-01-10"),
            idempotency_key=key,
        )

    results = run_at_once(buy, buy, buy)
    [purchase] = [result for result in results if isinstance(result, Purchase)]
    replays = [result.body for result in results if isinstance(result, ReplayedResponse)]
    assert replays == [{"id": purchase.public_id}] * 2
    assert Purchase.objects.count() == 1


def test_many_sweeps_at_once_charge_each_day_once(acme: Acme) -> None:
    buyers = [acme, *(make_acme() for _ in range(3))]
    for buyer in buyers:
        buyer.buys("2026-01-10", input=1, output=1)
    now = datetime(2026, 2, 10, 0, 0, tzinfo=UTC)
    run_at_once(
        lambda: open_due_days_everywhere(now=now),
        lambda: open_due_days_everywhere(now=now),
        lambda: open_due_days(organization=acme.organization, now=now),
        lambda: acme.buys("2026-02-10", input=1),
    )
    open_due_days_everywhere(now=now)
    assert Charge.objects.filter(type="renewal").count() == 4 * 2 * 10


def test_a_sweep_opens_the_days_of_all_others_while_one_organization_is_locked(acme: Acme) -> None:
    """A change of Acme that takes long delays nobody else."""
    make_acme()
    make_acme()
    now = at("2026-02-02")
    due = Organization.objects.filter(opened_until__lte=now.date())
    with ThreadPoolExecutor(1) as thread:
        with transaction.atomic(durable=True):
            lock_organization(acme.organization)
            sweep = thread.submit(run_at_once, lambda: open_due_days_everywhere(now=now))
            [opened] = sweep.result(TIMEOUT_SECONDS)
        assert opened == Opened(days=2 * 32)
        assert due.get() == acme.organization
    open_due_days_everywhere(now=now)
    assert not due.exists()
