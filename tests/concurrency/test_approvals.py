"""Races of approvals: of a request that several people decide at once, one decision holds (R20)."""

from collections.abc import Callable
from typing import Any

import pytest

from accounts.models import Role
from accounts.operations.audit import Actor
from accounts.operations.changes import Caller
from billing.domain.money import Money
from billing.models import Charge
from capacity.models import Purchase, PurchaseRequest
from capacity.operations.approvals import (
    approve_request,
    decline_request,
    set_approval_threshold,
)
from capacity.operations.catalogue import set_supply
from capacity.operations.purchase_requests import withdraw_request
from capacity.operations.purchases import buy_units
from capacity.operations.sweep import open_due_days_everywhere
from capacity.queries.purchase_requests import pricing
from capacity.usage.queries.invariants import violations
from tests.cast import GROK, OPERATOR, Acme, at, day, make_acme, person
from tests.concurrency.threads import error_codes, run_at_once

pytestmark = pytest.mark.django_db(transaction=True)

TODAY = "2026-01-11"


def ask(acme: Acme) -> PurchaseRequest:
    """Bob asks on 2026-01-10 for one input unit, at a threshold of nothing."""
    set_approval_threshold(
        organization=acme.organization,
        threshold=Money(0, "usd"),
        by=acme.alice,
        now=at("2026-01-10"),
    )
    request = buy_units(
        organization=acme.organization,
        model=GROK,
        units={"input": 1},
        by=acme.bob,
        now=at("2026-01-10"),
    )
    assert isinstance(request, PurchaseRequest)
    return request


def approval(acme: Acme, request: PurchaseRequest, by: Actor | None = None) -> Callable[[], Any]:
    due_now = pricing(acme.organization, on=day(TODAY))(request).due_now
    return lambda: approve_request(
        organization=acme.organization,
        request_id=request.public_id,
        due_now=due_now,
        by=by or acme.alice,
        now=at(TODAY),
    )


def check(request: PurchaseRequest, *statuses: str) -> None:
    """One of the decisions holds, and what was bought fits it."""
    request.refresh_from_db()
    assert request.status in statuses
    purchases = int(request.status == "approved")
    assert (Purchase.objects.count(), Charge.objects.count()) == (purchases, purchases)


def test_two_owners_who_approve_at_once_buy_once(acme: Acme) -> None:
    request = ask(acme)
    dora = person("Dora", acme.organization, Role.OWNER)
    owners = [acme.alice, dora, acme.alice, dora]
    results = run_at_once(*(approval(acme, request, by=owner) for owner in owners))
    assert error_codes(results) == ["already_effective"] * 3
    check(request, "approved")


def test_an_approval_and_a_decline_or_a_withdrawal_at_once_are_one(acme: Acme) -> None:
    request = ask(acme)
    alice, bob = (
        Caller(organization=acme.organization, by=actor, now=at(TODAY))
        for actor in (acme.alice, acme.bob)
    )
    results = run_at_once(
        approval(acme, request),
        lambda: decline_request(**alice, request_id=request.public_id, reason=""),
        lambda: withdraw_request(**bob, request_id=request.public_id),
    )
    assert error_codes(results) == ["already_effective"] * 2
    check(request, "approved", "declined", "withdrawn")


def test_the_last_unit_goes_to_one_of_two_approvals_and_the_other_request_waits(
    acme: Acme,
) -> None:
    set_supply(model=GROK, kind="input", cap=1, by=OPERATOR, now=at("2026-01-01"))
    companies = [acme, make_acme()]
    requests = [ask(company) for company in companies]
    results = run_at_once(*map(approval, companies, requests))
    assert error_codes(results) == ["insufficient_supply"]
    assert sorted(PurchaseRequest.objects.values_list("status", flat=True)) == [
        "approved",
        "pending",
    ]
    assert Purchase.objects.count() == 1


def test_an_approval_while_the_sweep_lets_the_request_lapse(acme: Acme) -> None:
    request = ask(acme)
    results = run_at_once(
        approval(acme, request),
        lambda: open_due_days_everywhere(now=at("2026-01-17", "00:00")),
        lambda: open_due_days_everywhere(now=at("2026-01-17", "00:00")),
    )
    assert error_codes(results) in ([], ["already_effective"], ["quote_changed"])
    open_due_days_everywhere(now=at("2026-01-17", "00:00"))
    check(request, "approved", "lapsed")
    assert [row.rows for row in violations(now=at("2026-01-17"))] == []
