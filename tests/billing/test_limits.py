"""Spend limits (R10): what counts, what a hard limit refuses and ends, and when it alerts."""

from collections import defaultdict

import pytest
from django.db import transaction

from accounts.models import OutboundEmail
from accounts.operations.projects import create_project
from billing.domain.limits import Renewal, Room, units_past_limit
from billing.domain.money import Money
from billing.models import Charge, DailySpend, SpendAlert, SpendLimit
from billing.operations.limits import set_spend_limit
from billing.queries.forecast import forecast
from billing.queries.limits import Limits, SpendLimitExceeded, limits
from capacity.models import Expiry, ExpiryReason, ListPrice, TokenUnit
from capacity.operations.days import open_day
from capacity.queries.quotes import check_purchase
from tests.cast import GROK, Acme, at, day, make_acme

# One input unit of GROK costs 800 minor units a day at list price; February 2026 has 28 days.


def set_limit(
    acme: Acme, amount: int | None, on: str, *, project: str | None = None, hard: bool = True
) -> Limits:
    return set_spend_limit(
        organization=acme.organization,
        project_id=project,
        amount=None if amount is None else Money(amount, "usd"),
        is_hard=hard,
        alerts=[50, 80, 100],
        by=acme.alice,
        now=at(on),
    )


def price(acme: Acme, on: str) -> int:
    """The list price of one input unit of GROK and day."""
    checked = check_purchase(
        organization=acme.organization,
        model=GROK,
        units={"input": 1},
        buyer=acme.alice.person,
        on=day(on),
    )
    return checked.quote.then_per_day.amount


def spent(acme: Acme, on: str) -> int:
    return limits(acme.organization, on=day(on)).organization.spent.amount


@pytest.mark.django_db
def test_spent_is_what_is_posted_and_the_renewals_still_to_come_in_the_period(acme: Acme) -> None:
    unit = price(acme, "2026-01-25")
    acme.buys("2026-01-25", input=2)
    assert spent(acme, "2026-01-25") == 2 * unit * 7
    acme.open_days("2026-02-03")
    assert spent(acme, "2026-02-03") == 2 * unit * 28


@pytest.mark.django_db
def test_spent_takes_a_cancellation_into_account(acme: Acme) -> None:
    unit = price(acme, "2026-01-10")
    lot = acme.lot(acme.buys("2026-01-10", input=2))
    acme.open_days("2026-02-03")
    acme.cancels(lot, 1, "2026-02-03")  # It ends with the commitment, on 2026-02-09.
    assert spent(acme, "2026-02-03") == unit * 28 + unit * 8


@pytest.mark.django_db
def test_a_purchase_up_to_exactly_a_hard_limit_is_accepted_and_one_past_it_is_refused(
    acme: Acme,
) -> None:
    unit = price(acme, "2026-01-25")
    set_limit(acme, 3 * 7 * unit, "2026-01-25")
    acme.buys("2026-01-25", input=3)
    with pytest.raises(SpendLimitExceeded, match="raise the limit"):
        acme.buys("2026-01-25", input=1)
    assert Charge.objects.count() == 1


@pytest.mark.django_db
def test_a_projects_limit_counts_its_own_purchases_alone(acme: Acme) -> None:
    project = create_project(
        organization=acme.organization, name="Search", by=acme.alice, now=at("2026-01-25")
    )
    unit = price(acme, "2026-01-25")
    set_limit(acme, 7 * unit, "2026-01-25", project=project.public_id)
    acme.buys("2026-01-25", input=5)
    acme.buys("2026-01-25", input=1, project=project.public_id)
    with pytest.raises(SpendLimitExceeded, match="project “Search”"):
        acme.buys("2026-01-25", input=1, project=project.public_id)


@pytest.mark.django_db
def test_a_soft_limit_refuses_nothing(acme: Acme) -> None:
    set_limit(acme, 1, "2026-01-25", hard=False)
    acme.buys("2026-01-25", input=1)


@pytest.mark.django_db
def test_a_limit_below_what_is_spent_is_accepted_and_refuses_from_then_on(acme: Acme) -> None:
    acme.buys("2026-01-25", input=1)
    set_limit(acme, 1, "2026-01-25")
    with pytest.raises(SpendLimitExceeded):
        acme.buys("2026-01-25", input=1)


@pytest.mark.django_db
def test_units_past_their_commitment_that_would_pass_the_limit_expire_that_day(acme: Acme) -> None:
    """Units are taken one by one; each counts, so that none after one that is refused fits."""
    unit = price(acme, "2026-01-25")
    first = acme.lot(acme.buys("2026-01-25", input=1))
    second = acme.lot(acme.buys("2026-01-25", input=3))
    third = acme.lot(acme.buys("2026-01-25", input=1))
    acme.open_days("2026-02-23")
    set_limit(acme, 5 * unit * 23 + 3 * unit, "2026-02-23")
    acme.open_days("2026-02-24")
    ended = Expiry.objects.filter(reason=ExpiryReason.SPEND_LIMIT).order_by("lot_id")
    assert [(row.lot, row.units, row.ended_on) for row in ended] == [
        (second, 1, day("2026-02-24")),
        (third, 1, day("2026-02-24")),
    ]
    renewed = Charge.objects.filter(posted_on="2026-02-24").order_by("pk")
    assert dict(renewed.values_list("lot", "units")) == {first.public_id: 1, second.public_id: 2}


@pytest.mark.django_db
@pytest.mark.parametrize("scope", ["organization", "project"])
def test_what_sql_ends_is_what_the_arithmetic_says(acme: Acme, scope: str) -> None:
    unit = price(acme, "2026-01-25")
    project = acme.organization.projects.get() if scope == "project" else None
    lots = [acme.lot(acme.buys("2026-01-25", input=units)) for units in (2, 4, 3)]
    acme.open_days("2026-02-23")
    posted = 9 * unit * 23
    for room in (9 * unit, 5 * unit + 1, 5 * unit, unit - 1, -1):
        with transaction.atomic():
            SpendLimit.objects.create(
                organization=acme.organization, project=project, amount=posted + room
            )
            renew_one_day(acme, "2026-02-24")
            ended = dict(
                Expiry.objects.filter(reason=ExpiryReason.SPEND_LIMIT).values_list("lot", "units")
            )
            renewals = [Renewal(lot.pk, 0, lot.units, unit) for lot in lots]
            assert ended == dict(units_past_limit(renewals, Room(room, {})))
            transaction.set_rollback(True)


def renew_one_day(acme: Acme, on: str) -> None:
    open_day(organizations=[acme.organization.pk], on=day(on))


@pytest.mark.django_db
def test_renewals_in_their_commitment_are_charged_past_a_limit_and_count(acme: Acme) -> None:
    unit = price(acme, "2026-01-20")
    old = acme.lot(acme.buys("2026-01-20", input=1))
    young = acme.lot(acme.buys("2026-01-28", input=1))
    acme.open_days("2026-02-18")
    # What is posted on 18 days, and the day of the young lot: no room for the old lot's renewal.
    set_limit(acme, 2 * unit * 18 + unit, "2026-02-18")
    acme.open_days("2026-02-20")
    assert Charge.objects.filter(lot=young.public_id, posted_on="2026-02-20").count() == 1
    expiry = Expiry.objects.get(reason=ExpiryReason.SPEND_LIMIT)
    assert (expiry.lot, expiry.ended_on) == (old, day("2026-02-19"))


@pytest.mark.django_db
def test_the_next_period_beside_a_limit_is_that_of_the_forecast(acme: Acme) -> None:
    project = create_project(
        organization=acme.organization, name="Search", by=acme.alice, now=at("2026-01-25")
    )
    acme.buys("2026-01-10", input=4)
    acme.buys("2026-01-25", input=2, project=project.public_id)
    on = day("2026-01-25")
    for amount in (None, 160_000):  # The limit ends some units in February.
        set_limit(acme, amount, "2026-01-25")
        foreseen = limits(acme.organization, on=on, foresees=True)
        [_, february, *_] = forecast(acme.organization, on=on)
        assert foreseen.next_period == february.period
        assert foreseen.organization.foreseen == february.subtotal.amount > 0
        assert sum(state.foreseen for state in foreseen.projects) == february.subtotal.amount
    assert february.subtotal.amount <= 160_000
    assert limits(acme.organization, on=on).organization.foreseen == 0


@pytest.mark.django_db
def test_another_organizations_spend_does_not_count(acme: Acme) -> None:
    other = make_acme()
    other.buys("2026-01-25", input=50)
    unit = price(acme, "2026-01-25")
    set_limit(acme, 7 * unit, "2026-01-25")
    acme.buys("2026-01-25", input=1)


@pytest.mark.django_db
def test_each_threshold_is_told_once_a_period(acme: Acme) -> None:
    unit = price(acme, "2026-01-25")
    set_limit(acme, 10 * 28 * unit, "2026-01-25")
    acme.buys("2026-01-25", input=5)
    assert list(told()) == []
    acme.open_days("2026-02-01")  # 5 units for 28 days are half of it, as the period begins.
    acme.open_days("2026-02-02")
    assert told() == [("2026-02-01", 50)]
    set_limit(acme, 6 * 28 * unit, "2026-02-02", hard=False)
    assert told() == [("2026-02-01", 50), ("2026-02-01", 80)]
    acme.buys("2026-02-03", input=2)
    assert told() == [("2026-02-01", 50), ("2026-02-01", 80), ("2026-02-01", 100)]
    acme.open_days("2026-02-28")
    assert len(told()) == 3
    assert OutboundEmail.objects.filter(kind="spend_alert").count() == 3


@pytest.mark.django_db
def test_a_price_that_rises_within_a_period_can_reach_the_next_threshold(acme: Acme) -> None:
    unit = price(acme, "2026-01-10")
    acme.buys("2026-01-10", input=5)
    set_limit(acme, 10 * 28 * unit, "2026-01-10")
    acme.open_days("2026-02-01")
    token_unit = TokenUnit.objects.get(snapshot__model=GROK, kind="input")
    ListPrice.objects.create(token_unit=token_unit, from_on=day("2026-02-21"), amount=4 * unit)
    acme.open_days("2026-02-26")  # 20 days of 5 and 6 of 20: 220, of 280.
    assert told() == [("2026-02-01", 50)]
    acme.open_days("2026-02-27")
    assert told() == [("2026-02-01", 50), ("2026-02-01", 80)]


def told() -> list[tuple[str, int]]:
    rows = SpendAlert.objects.order_by("pk").values_list("period_start", "percent")
    return [(start.isoformat(), percent) for start, percent in rows]


@pytest.mark.django_db
def test_the_sums_of_days_are_those_of_the_charges(acme: Acme) -> None:
    acme.buys("2026-01-25", input=5, output=1)
    acme.buys("2026-01-25", input=1)
    acme.open_days("2026-02-05")
    post_like_a_process_of_an_earlier_release()
    charged: defaultdict[str, int] = defaultdict(int)
    for posted_on, amount in Charge.objects.values_list("posted_on", "amount"):
        charged[str(posted_on)] += amount
    counted = DailySpend.objects.values_list("posted_on", "amount")
    assert {str(posted_on): amount for posted_on, amount in counted} == charged


def post_like_a_process_of_an_earlier_release() -> None:
    """It knows nothing of the sums of days; of two charges, one is of a day without any."""
    charges = list(Charge.objects.filter(posted_on="2026-02-05")[:2])
    for charge, posted_on in zip(charges, ("2026-02-05", "2026-02-06"), strict=True):
        charge.pk, charge.public_id = None, f"{charge.public_id}x"
        charge.posted_on, charge.lot = day(posted_on), f"{charge.lot}x"
    Charge.objects.bulk_create(charges)
