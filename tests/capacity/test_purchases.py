"""Buying units: what it costs, what it brings, what refuses it (R3, R6, R8)."""

from datetime import timedelta
from decimal import Decimal

import pytest

from accounts.models import AuditEntry, Project
from billing.models import Charge
from capacity.models import Pool, Purchase, Snapshot, Transaction
from capacity.operations.purchases import QuoteChanged, buy_units
from capacity.queries.quotes import Quote, check_purchase
from common.errors import InvalidRequest, NotFound
from tests.cast import GPT, GROK, Acme, at, day, make_acme

pytestmark = pytest.mark.django_db


def quote(acme: Acme, on: str, model: str = GROK, **units: int) -> Quote:
    return check_purchase(
        organization=acme.organization,
        model=model,
        units=units,
        buyer=acme.alice.person,
        on=day(on),
    ).quote


def test_a_first_term_longer_than_30_days_is_committed_whole(acme: Acme) -> None:
    january = quote(acme, "2026-01-01", input=1)
    assert str(january.due_now) == str(january.committed_cost) == "$310.00"
    assert january.term.last_committed_day == day("2026-01-31")
    assert quote(acme, "2026-01-02", input=1).term.last_committed_day == day("2026-01-31")
    assert str(quote(acme, "2026-02-01", input=1).committed_cost) == "$300.00"


def test_the_provider_s_worked_example_costs_80_dollars_a_day(acme: Acme) -> None:
    example = quote(acme, "2026-01-10", input=4, output=4)
    assert str(example.then_per_day) == "$80.00"
    assert str(example.committed_cost) == "$2,400.00"
    assert {kind: change.after for kind, change in example.tpm.items()} == {
        "input": 126_000,
        "output": 50_000,
    }


def test_alice_is_charged_the_first_term_on_the_day_she_buys(acme: Acme) -> None:
    purchase = acme.buys("2026-01-10", input=4, output=2)
    assert purchase.amount == (4 + 2) * 1000 * 22
    charges = Charge.objects.order_by("id")
    assert [
        (charge.kind, charge.units, charge.amount, str(charge.posted_on), str(charge.service_to))
        for charge in charges
    ] == [
        ("input", 4, 88_000, "2026-01-10", "2026-02-01"),
        ("output", 2, 44_000, "2026-01-10", "2026-02-01"),
    ]
    lot = acme.lot(purchase)
    assert (lot.active_units, lot.tpm, lot.charged_until) == (4, 126_000, day("2026-02-01"))
    assert lot.commitment_ends_on == day("2026-02-09")


def test_a_purchase_charges_what_the_quote_said(acme: Acme) -> None:
    due_now = quote(acme, "2026-01-17", GPT, input=3, output=7).due_now
    assert acme.buys("2026-01-17", GPT, input=3, output=7).list_amount == due_now


def test_a_purchase_leaves_transactions_and_an_audit_entry(acme: Acme) -> None:
    purchase = acme.buys("2026-01-10", input=4, output=2)
    assert Transaction.objects.filter(type="purchase", by=acme.alice.user).count() == 2
    entry = AuditEntry.objects.get(action="units.bought")
    assert (entry.subject, entry.source) == (purchase.public_id, "page")
    assert entry.after
    assert entry.after["units"] == {"input": 4, "output": 2}


def test_a_lot_keeps_its_agreed_price_when_the_list_price_changes(acme: Acme) -> None:
    lot = acme.lot(acme.buys("2026-01-10", input=1))
    unit = Snapshot.objects.get(model=GROK).token_units.get(kind="input")
    unit.prices.create(from_on=day("2026-01-20"), amount=1500)
    assert quote(acme, "2026-01-19", input=1).then_per_day.amount == 1000
    assert quote(acme, "2026-01-20", input=1).then_per_day.amount == 1500
    lot.refresh_from_db()
    assert lot.price_per_day == 1000


def test_a_charge_has_the_discount_of_the_order_form_in_force(acme: Acme) -> None:
    acme.signs("2026-03-01", on="2026-01-02", discount="12.5", by_model={GPT: Decimal(20)})
    acme.buys("2026-02-28", input=1)
    acme.buys("2026-03-01", input=1)
    acme.buys("2026-03-01", GPT, input=1)
    charges = Charge.objects.filter(type="first_term").order_by("id")
    assert [charge.discount_percent for charge in charges] == [0, Decimal("12.5"), Decimal(20)]


def test_a_charge_has_the_discount_of_its_own_organization(acme: Acme) -> None:
    globex = make_acme(discount="12.5")
    for company in (acme, globex):
        company.buys("2026-01-10", input=1)
    discounts = dict(Charge.objects.values_list("organization", "discount_percent"))
    assert discounts == {
        acme.organization.pk: Decimal(0),
        globex.organization.pk: Decimal("12.5"),
    }


def test_a_purchase_that_names_no_project_or_pool_takes_the_default_ones(acme: Acme) -> None:
    purchase = acme.buys("2026-01-10", input=1)
    assert purchase.project.is_default
    assert purchase.pool.is_default
    assert acme.buys("2026-01-10", output=1).pool == purchase.pool


def test_the_project_of_another_organization_is_not_found(acme: Acme) -> None:
    project = Project.objects.get(organization=make_acme().organization)
    with pytest.raises(NotFound) as refusal:
        acme.buys("2026-01-10", project=project.public_id, input=1)
    assert "project" in refusal.value.errors
    assert not Pool.objects.exists()


def test_refuses_the_pool_of_another_model(acme: Acme) -> None:
    pool = acme.buys("2026-01-10", GPT, input=1).pool
    with pytest.raises(InvalidRequest, match="is not a pool of") as refusal:
        buy_units(
            organization=acme.organization,
            model=GROK,
            units={"input": 1},
            pool=pool.public_id,
            by=acme.alice,
            now=at("2026-01-10"),
        )
    assert list(refusal.value.errors) == ["pool"]


def test_units_without_a_price_are_not_sold(catalogue: None) -> None:
    acme = make_acme("2023-06-01")
    with pytest.raises(InvalidRequest, match="has no price on 2023-06-10 yet") as refusal:
        acme.buys("2023-06-10", input=1)
    assert list(refusal.value.errors) == ["units.input"]


@pytest.mark.parametrize(
    ("units", "field", "message"),
    [
        ({}, "units", "at least one"),
        ({"input": 0, "output": 0}, "units", "at least one"),
        ({"input": -1}, "units.input", "Between 0 and"),
        ({"input": 10**9}, "units.input", "Between 0 and"),
        ({"combined": 1}, "units.combined", "sold as input and output"),
        ({"inptu": 1}, "units.inptu", "no inptu units"),
    ],
)
def test_a_refusal_names_the_units_that_cannot_be_bought(
    acme: Acme, units: dict[str, int], field: str, message: str
) -> None:
    with pytest.raises(InvalidRequest, match=message) as refusal:
        buy_units(
            organization=acme.organization,
            model=GROK,
            units=units,
            by=acme.alice,
            now=at("2026-01-10"),
        )
    assert list(refusal.value.errors) == [field]


def test_a_purchase_opens_the_days_before_it(acme: Acme) -> None:
    first = acme.buys("2026-01-10", input=1)
    acme.buys("2026-02-05", output=1)
    assert acme.lot(first).charged_until == day("2026-02-06")
    acme.organization.refresh_from_db()
    assert acme.organization.opened_until == day("2026-02-05") + timedelta(days=1)


def test_refuses_after_midnight_the_quote_that_was_shown_before_it(acme: Acme) -> None:
    shown = quote(acme, "2026-01-31", input=1).due_now

    with pytest.raises(
        QuoteChanged, match=r"\$280.00 would be charged today, 2026-02-01 UTC, not \$10.00"
    ):
        buy_units(
            organization=acme.organization,
            model=GROK,
            units={"input": 1},
            by=acme.alice,
            now=at("2026-02-01", "00:00"),
            shown=shown,
        )
    assert not Purchase.objects.exists()
    assert make_acme().buys("2026-01-31", input=1).list_amount == shown


def test_refuses_a_quote_that_has_become_cheaper_too(acme: Acme) -> None:
    shown = quote(acme, "2026-01-30", input=1).due_now
    with pytest.raises(QuoteChanged, match=r"\$10.00 would be charged today, .*, not \$20.00"):
        buy_units(
            organization=acme.organization,
            model=GROK,
            units={"input": 1},
            by=acme.alice,
            now=at("2026-01-31"),
            shown=shown,
        )


def test_a_purchase_that_lost_the_race_with_midnight_takes_place_on_the_new_day(
    acme: Acme,
) -> None:
    """The clock was read on 2026-01-31; another process opened 2026-02-01 before the lock."""
    acme.open_days("2026-02-01")
    purchase = acme.buys("2026-01-31", input=1)
    assert purchase.created_at == at("2026-02-01", "00:00")
    assert acme.lot(purchase).starts_on == day("2026-02-01")
    charge = Charge.objects.get()
    assert (charge.posted_on, charge.service_to) == (day("2026-02-01"), day("2026-03-01"))


@pytest.mark.parametrize(("units", "is_refused"), [(1_000_000, False), (1_000_001, True)])
def test_a_million_units_of_a_kind_are_the_most_at_once(
    acme: Acme, units: int, is_refused: bool
) -> None:
    if is_refused:
        with pytest.raises(InvalidRequest, match="Between 0 and 1,000,000"):
            acme.buys("2026-01-10", input=units)
    else:
        assert acme.buys("2026-01-10", input=units).lots.get().units == units
