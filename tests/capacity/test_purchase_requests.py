"""Purchases above a threshold wait for a second owner's approval (R20)."""

from collections.abc import Callable
from datetime import datetime

import pytest
from django.core import mail
from django.utils import timezone

from accounts.models import AuditEntry, Organization, Role
from accounts.operations.audit import Actor
from accounts.operations.changes import Caller
from accounts.operations.emails import send_due_emails
from accounts.operations.members import remove_member, set_role, withdraw_purchaser
from billing.domain.money import Money
from billing.models import Charge
from billing.operations.limits import set_spend_limit
from capacity.models import Pool, Purchase, PurchaseRequest, Transaction
from capacity.operations.approvals import (
    approve_request,
    decline_request,
    set_approval_threshold,
)
from capacity.operations.catalogue import set_supply
from capacity.operations.purchase_requests import RequestAlreadyDecided, withdraw_request
from capacity.operations.purchasers import set_purchaser_limit
from capacity.operations.purchases import QuoteChanged, buy_units
from capacity.operations.sweep import open_due_days_everywhere
from capacity.queries.purchase_requests import pricing
from capacity.queries.refusals import InsufficientSupply
from common.errors import BusinessError, NotAllowed
from tests.cast import GPT, GROK, OPERATOR, Acme, at, day, make_acme, person

pytestmark = pytest.mark.django_db


@pytest.fixture
def acme(catalogue: None) -> Acme:
    """Acme, whose purchases of more than $100.00 per day need approval."""
    return with_threshold(make_acme())


def usd(amount: int) -> Money:
    return Money(amount * 100, "usd")


def with_threshold(acme: Acme) -> Acme:
    set_approval_threshold(
        organization=acme.organization, threshold=usd(100), by=acme.alice, now=at("2026-01-02")
    )
    return acme


def caller(acme: Acme, by: Actor, on: str) -> Caller:
    return Caller(organization=acme.organization, by=by, now=at(on))


def asks(acme: Acme, by: Actor, on: str, model: str = GPT, **units: int) -> PurchaseRequest:
    """Somebody buys units and has to wait for approval."""
    request = buy_units(**caller(acme, by, on), model=model, units=units or {"input": 1})
    assert isinstance(request, PurchaseRequest)
    return request


def due(acme: Acme, request: PurchaseRequest, on: str) -> Money:
    """What would be due if the request were approved on a day."""
    return pricing(acme.organization, on=day(on))(request).due_now


def approves(acme: Acme, request: PurchaseRequest, on: str, by: Actor | None = None) -> Purchase:
    """Alice approves what she sees on a day."""
    approved = approve_request(
        **caller(acme, by or acme.alice, on),
        request_id=request.public_id,
        due_now=due(acme, request, on),
    )
    assert approved.purchase
    return approved.purchase


def sent_emails() -> list[tuple[list[str], str]]:
    """Send what is due; return the recipients and the whole text of each email."""
    mail.outbox.clear()
    send_due_emails(now=timezone.now())
    return [(message.to, f"{message.subject}\n{message.body}") for message in mail.outbox]


def test_a_purchase_above_the_threshold_waits_and_reserves_nothing(acme: Acme) -> None:
    set_supply(model=GROK, kind="input", cap=11, by=OPERATOR, now=at("2026-01-02"))
    request = asks(acme, acme.bob, "2026-01-10", GROK, input=11)

    assert (request.status, request.units) == ("pending", {"input": 11})
    assert (str(request.due_now), str(request.then_per_day)) == ("$2,420.00", "$110.00")
    assert request.lapses_on == day("2026-01-17")
    assert not Pool.objects.exists()
    assert not Charge.objects.exists()
    bought = buy_units(**caller(acme, acme.bob, "2026-01-10"), model=GROK, units={"input": 10})
    assert isinstance(bought, Purchase), "at exactly the threshold, and the supply is all there"


def test_what_would_be_refused_is_refused_at_once_and_does_not_wait(acme: Acme) -> None:
    set_supply(model=GROK, kind="input", cap=11, by=OPERATOR, now=at("2026-01-02"))
    with pytest.raises(InsufficientSupply):
        asks(acme, acme.bob, "2026-01-10", GROK, input=12)
    with pytest.raises(QuoteChanged):
        buy_units(
            **caller(acme, acme.bob, "2026-01-10"),
            model=GROK,
            units={"input": 11},
            shown=usd(1),
        )
    assert not PurchaseRequest.objects.exists()


def test_an_owner_needs_approval_only_if_another_owner_could_give_it(acme: Acme) -> None:
    acme.buys("2026-01-10", GPT, input=1)
    dora = person("Dora", acme.organization, Role.OWNER)
    request = asks(acme, acme.alice, "2026-01-10")
    with pytest.raises(NotAllowed, match="another owner has to decide"):
        approves(acme, request, "2026-01-10")
    assert approves(acme, request, "2026-01-10", by=dora).created_by == acme.alice.person

    dora.person.is_active = False
    dora.person.save()
    acme.buys("2026-01-11", GPT, input=1)


def test_approval_makes_the_purchase_of_its_own_day_in_the_name_of_whoever_asked(
    acme: Acme,
) -> None:
    """The example of R20."""
    request = asks(acme, acme.bob, "2026-02-10")
    assert str(due(acme, request, "2026-02-12")) == "$1,870.00"
    with pytest.raises(QuoteChanged, match=r"\$1,760.00 would be charged today, 2026-02-13"):
        approve_request(
            **caller(acme, acme.alice, "2026-02-13"),
            request_id=request.public_id,
            due_now=due(acme, request, "2026-02-12"),
        )
    purchase = approves(acme, request, "2026-02-13")

    assert (purchase.created_by, purchase.created_at) == (acme.bob.person, at("2026-02-13"))
    lot = acme.lot(purchase)
    assert (lot.starts_on, lot.commitment_ends_on) == (day("2026-02-13"), day("2026-03-15"))
    assert Charge.objects.get().amount == 176_000
    assert Transaction.objects.get().by == acme.bob.person
    request.refresh_from_db()
    assert (request.decided_by, str(request.due_now)) == (acme.alice.person, "$1,760.00")


def test_each_step_is_on_record(acme: Acme) -> None:
    dora = person("Dora", acme.organization, Role.OWNER)
    approved, declined, withdrawn = (asks(acme, acme.bob, "2026-01-10") for _ in range(3))
    purchase = approves(acme, approved, "2026-01-11", by=dora)
    decline_request(
        **caller(acme, acme.alice, "2026-01-11"), request_id=declined.public_id, reason="Too much."
    )
    withdraw_request(**caller(acme, acme.bob, "2026-01-11"), request_id=withdrawn.public_id)
    set_approval_threshold(**caller(acme, acme.alice, "2026-01-12"), threshold=None)

    entries = AuditEntry.objects.filter(action__regex="^(purchase_request|approval|purchase)[.]")
    rows = entries.order_by("pk").values_list("action", "actor__name", "before", "after")
    pending = {"status": "pending"}
    threshold = {"threshold_per_day": usd(100).document()}
    asked = {
        "model": GPT,
        "units": {"input": 1},
        "due_now": usd(22 * 110).document(),
        "then_per_day": usd(110).document(),
        "lapses_on": "2026-01-17",
    }
    assert list(rows) == [
        ("approval.set", "Alice", {"threshold_per_day": None}, threshold),
        *[("purchase.requested", "Bob", None, asked)] * 3,
        (
            "purchase_request.approved",
            "Dora",
            pending,
            {"status": "approved", "purchase": purchase.public_id},
        ),
        (
            "purchase_request.declined",
            "Alice",
            pending,
            {"status": "declined", "reason": "Too much."},
        ),
        ("purchase_request.withdrawn", "Bob", pending, {"status": "withdrawn"}),
        ("approval.set", "Alice", threshold, {"threshold_per_day": None}),
    ]
    assert asks_nobody(acme)


def asks_nobody(acme: Acme) -> bool:
    """Whether a purchase of $110.00 per day is made at once."""
    return bool(acme.buys("2026-01-12", GPT, input=1))


def end_the_order_form(acme: Acme) -> None:
    acme.form_ends("2026-01-11", on="2026-01-10")


def sell_out(acme: Acme) -> None:
    set_supply(model=GPT, kind="input", cap=0, by=OPERATOR, now=at("2026-01-11"))


def set_a_hard_limit(acme: Acme) -> None:
    set_spend_limit(
        **caller(acme, acme.alice, "2026-01-11"),
        project_id=None,
        amount=usd(1),
        is_hard=True,
        alerts=[],
    )


def limit_bob(acme: Acme) -> None:
    set_purchaser_limit(
        **caller(acme, acme.alice, "2026-01-11"),
        user_id=acme.bob.person.public_id,
        limit=usd(109),
    )


def withdraw_bob(acme: Acme) -> None:
    withdraw_purchaser(**caller(acme, acme.alice, "2026-01-11"), user_id=acme.bob.person.public_id)


def remove_bob(acme: Acme) -> None:
    remove_member(**caller(acme, acme.alice, "2026-01-11"), user_id=acme.bob.person.public_id)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (end_the_order_form, "order_form_required"),
        (sell_out, "insufficient_supply"),
        (set_a_hard_limit, "spend_limit_exceeded"),
        (limit_bob, "purchaser_limit_exceeded"),
        (withdraw_bob, "not_allowed"),
        (remove_bob, "not_allowed"),
    ],
)
def test_everything_is_checked_again_and_what_is_refused_goes_on_waiting(
    acme: Acme, change: Callable[[Acme], None], code: str
) -> None:
    request = asks(acme, acme.bob, "2026-01-10")
    change(acme)
    with pytest.raises(BusinessError) as refusal:
        approves(acme, request, "2026-01-11")
    assert refusal.value.code == code
    request.refresh_from_db()
    assert request.is_pending
    assert not Purchase.objects.exists()


def test_only_another_owner_decides_only_the_requester_withdraws_and_only_once(acme: Acme) -> None:
    dora = person("Dora", acme.organization, Role.OWNER)
    request = asks(acme, acme.bob, "2026-01-10")
    request_id = request.public_id
    set_role(
        **caller(acme, acme.alice, "2026-01-10"), user_id=dora.person.public_id, role=Role.PURCHASER
    )
    with pytest.raises(NotAllowed, match="Only an owner"):
        approves(acme, request, "2026-01-10", by=dora)
    with pytest.raises(NotAllowed, match="Only Bob, who asked"):
        withdraw_request(**caller(acme, acme.alice, "2026-01-10"), request_id=request_id)

    decline_request(**caller(acme, acme.alice, "2026-01-10"), request_id=request_id, reason="")

    with pytest.raises(RequestAlreadyDecided, match="was declined by Alice on 2026-01-10 UTC"):
        approves(acme, request, "2026-01-10")
    with pytest.raises(RequestAlreadyDecided):
        withdraw_request(**caller(acme, acme.bob, "2026-01-10"), request_id=request_id)
    assert not Purchase.objects.exists()


def test_a_request_lapses_when_the_seventh_day_opens_for_every_organization_at_once(
    acme: Acme,
) -> None:
    globex = with_threshold(make_acme())
    requests = [asks(company, company.bob, "2026-01-10") for company in (acme, globex, acme)]
    later = asks(acme, acme.bob, "2026-01-11")

    def statuses(now: datetime) -> set[tuple[str, datetime | None]]:
        open_due_days_everywhere(now=now)
        rows = PurchaseRequest.objects.filter(pk__in=[request.pk for request in requests])
        return set(rows.values_list("status", "decided_at"))

    assert statuses(at("2026-01-16", "23:59")) == {("pending", None)}
    assert statuses(at("2026-01-17", "00:00")) == {("lapsed", at("2026-01-17", "00:00"))}
    later.refresh_from_db()
    assert later.is_pending
    entries = AuditEntry.objects.filter(action="purchase_request.lapsed", source="time")
    assert sorted(entries.values_list("organization", "subject", "after")) == sorted(
        (request.organization_id, request.public_id, {"status": "lapsed"}) for request in requests
    )
    with pytest.raises(RequestAlreadyDecided, match="lapsed on 2026-01-17 UTC"):
        approves(acme, requests[0], "2026-01-17")


def test_a_request_that_is_approved_too_late_lapses_first(acme: Acme) -> None:
    request = asks(acme, acme.bob, "2026-01-10")
    with pytest.raises(RequestAlreadyDecided):
        approves(acme, request, "2026-01-20")
    assert Organization.objects.get(pk=acme.organization.pk).opened_until == day("2026-01-21")


def test_owners_are_told_of_a_request_and_the_requester_of_its_end(acme: Acme) -> None:
    dora = person("Dora", acme.organization, Role.OWNER)
    request = asks(acme, acme.alice, "2026-01-10")
    [(recipients, text)] = sent_emails()
    assert recipients == [dora.person.email]
    assert "Alice asks for approval of a purchase on gpt-4.1" in text
    assert "1 input unit of gpt-4.1-2025-04-14" in text
    assert "$110.00 per day; $2,420.00 due if approved on 2026-01-10" in text
    assert f"/settings/purchase-requests/#{request.public_id}" in text

    decline_request(
        **caller(acme, dora, "2026-01-11"), request_id=request.public_id, reason="Wait for May."
    )
    [(recipients, text)] = sent_emails()
    assert recipients == [acme.alice.person.email]
    assert "was declined" in text
    assert "Reason: Wait for May." in text

    second = asks(acme, acme.bob, "2026-01-11")
    approves(acme, second, "2026-01-12")
    emails = sent_emails()
    assert len(emails) == 2, "of the purchase, and of the approval; nothing waits any more"
    assert any(to == [acme.bob.person.email] and "was approved" in text for to, text in emails)

    asks(acme, acme.bob, "2026-01-12")
    sent_emails()
    remove_bob(acme)
    acme.open_days("2026-01-19")
    assert sent_emails() == [], "somebody who has left is told nothing"
