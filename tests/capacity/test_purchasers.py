"""The limit of a purchaser: the most that one purchase may cost per day (R21)."""

import pytest

from accounts.models import AuditEntry, Role
from accounts.operations.changes import Caller
from accounts.operations.members import (
    add_member,
    authorize_purchaser,
    remove_member,
    set_role,
    withdraw_purchaser,
)
from billing.domain.money import Money
from capacity.models import Purchase
from capacity.operations.purchasers import set_purchaser_limit
from capacity.operations.purchases import buy_units
from capacity.queries.purchasers import find_purchaser
from capacity.queries.quotes import check_purchase
from capacity.queries.refusals import PurchaserLimitExceeded
from common.errors import NotFound
from tests.cast import GROK, Acme, at, day

pytestmark = pytest.mark.django_db

NOW = at("2026-01-10")


@pytest.fixture
def acme(acme: Acme) -> Acme:
    """Bob may buy for at most $40.00 per day."""
    limit_bob(acme, Money(4_000, "usd"))
    return acme


def limit_bob(acme: Acme, limit: Money | None) -> None:
    set_purchaser_limit(
        organization=acme.organization,
        user_id=acme.bob.person.public_id,
        limit=limit,
        by=acme.alice,
        now=NOW,
    )


def bob_buys(acme: Acme, **units: int) -> Purchase:
    purchase = buy_units(
        organization=acme.organization, model=GROK, units=units, by=acme.bob, now=NOW
    )
    assert isinstance(purchase, Purchase)
    return purchase


def test_bob_buys_at_exactly_his_limit_and_is_refused_above_it(acme: Acme) -> None:
    bob_buys(acme, input=4)
    with pytest.raises(PurchaserLimitExceeded, match=r"at most \$40.00 per day.*\$50.00 per day"):
        bob_buys(acme, input=3, output=2)
    quote = check_purchase(
        organization=acme.organization,
        model=GROK,
        units={"input": 5},
        buyer=acme.bob.person,
        on=day("2026-01-10"),
    ).quote
    assert [refusal.code for refusal in quote.refusals] == ["purchaser_limit_exceeded"]
    limit_bob(acme, None)
    bob_buys(acme, input=5)


def test_a_limit_binds_no_owner_and_stays_with_the_membership(acme: Acme) -> None:
    change = Caller(organization=acme.organization, by=acme.alice, now=NOW)
    bob = acme.bob.person
    acme.buys("2026-01-10", input=5)
    set_role(**change, user_id=bob.public_id, role=Role.OWNER)
    bob_buys(acme, input=5)
    set_role(**change, user_id=bob.public_id, role=Role.PURCHASER)
    withdraw_purchaser(**change, user_id=bob.public_id)
    authorize_purchaser(**change, email=bob.email)
    with pytest.raises(PurchaserLimitExceeded):
        bob_buys(acme, input=5)
    remove_member(**change, user_id=bob.public_id)
    add_member(**change, user=bob, role=Role.PURCHASER)
    assert find_purchaser(acme.organization, bob.public_id).limit_per_day is None


def test_only_purchasers_have_a_limit_and_each_change_is_on_record(acme: Acme) -> None:
    limit_bob(acme, Money(0, "usd"))
    for actor in (acme.alice, acme.mallory, acme.charlie):
        with pytest.raises(NotFound):
            set_purchaser_limit(
                organization=acme.organization,
                user_id=actor.person.public_id,
                limit=None,
                by=acme.alice,
                now=NOW,
            )
    entry = AuditEntry.objects.filter(action="purchaser.limit_set").latest("pk")
    assert entry.subject == acme.bob.person.public_id
    assert entry.before == {"limit_per_day": {"amount": 4_000, "currency": "usd"}}
    assert entry.after == {"limit_per_day": {"amount": 0, "currency": "usd"}}
