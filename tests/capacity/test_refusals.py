"""The refusals of a purchase: order form, payment, retirement and supply (R11, R12, R13)."""

from collections.abc import Sequence

import pytest

from capacity.models import Lot, Purchase, Snapshot
from capacity.operations.cancellations import undo_cancellation
from capacity.operations.catalogue import set_supply
from capacity.queries.quotes import check_purchase
from capacity.queries.refusals import InsufficientSupply, ModelRetiring, OrderFormRequired
from common.errors import BusinessError
from tests.cast import GPT, GROK, OPERATOR, Acme, at, day, make_acme

pytestmark = pytest.mark.django_db


def refusals_on(acme: Acme, on: str) -> Sequence[BusinessError]:
    """What a quote of one input unit of Grok names on a day."""
    return check_purchase(
        organization=acme.organization,
        model=GROK,
        units={"input": 1},
        buyer=acme.alice.person,
        on=day(on),
    ).quote.refusals


def test_a_quote_names_all_refusals_and_a_purchase_raises_the_first(acme: Acme) -> None:
    acme.buys("2026-01-10", input=1)
    acme.form_ends("2026-04-01", on="2026-01-10")
    acme.open_days("2026-04-20")
    Snapshot.objects.filter(model=GROK).update(retires_on=day("2026-05-01"))
    set_supply(model=GROK, kind="input", cap=0, by=OPERATOR, now=at("2026-04-20"))

    refusals = refusals_on(acme, "2026-04-20")

    assert [refusal.code for refusal in refusals] == [
        "order_form_required",
        "payment_overdue",
        "model_retiring",
        "insufficient_supply",
    ]
    assert "Invoice ACM-0001 was due on 2026-03-03" in str(refusals[1])
    with pytest.raises(OrderFormRequired):
        acme.buys("2026-04-20", input=1)


def test_refuses_a_purchase_without_a_signed_order_form(acme: Acme) -> None:
    unsigned = make_acme(signed=False)
    with pytest.raises(OrderFormRequired, match="No signed order form is in force on 2026-01-10"):
        unsigned.buys("2026-01-10", input=1)
    assert not Purchase.objects.exists()


@pytest.mark.parametrize(("on", "may_buy"), [("2026-01-31", True), ("2026-02-01", False)])
def test_an_order_form_is_in_force_until_the_day_it_ends(
    acme: Acme, on: str, may_buy: bool
) -> None:
    acme.form_ends("2026-02-01", on="2026-01-10")
    assert bool(refusals_on(acme, on)) is not may_buy


@pytest.mark.parametrize(
    ("retires_on", "is_refused"), [("2026-02-09", False), ("2026-02-08", True)]
)
def test_a_model_is_sold_while_the_commitment_ends_before_it_retires(
    acme: Acme, retires_on: str, is_refused: bool
) -> None:
    Snapshot.objects.filter(model=GROK).update(retires_on=day(retires_on))
    if is_refused:
        with pytest.raises(ModelRetiring, match="last day is 2026-02-07"):
            acme.buys("2026-01-10", input=1)
    else:
        acme.buys("2026-01-10", input=1)


def test_all_organizations_share_the_supply_and_a_refusal_says_what_is_left(acme: Acme) -> None:
    set_supply(model=GROK, kind="input", cap=5, by=OPERATOR, now=at("2026-01-01"))
    globex = make_acme()
    acme.buys("2026-01-10", input=3)
    with pytest.raises(InsufficientSupply, match=r"Only 2 input units of .* are left"):
        globex.buys("2026-01-10", input=3, output=1)
    assert Lot.objects.count() == 1, "all or nothing"
    globex.buys("2026-01-10", input=2)


def test_a_sandbox_has_the_whole_supply_and_takes_nothing_from_others(acme: Acme) -> None:
    set_supply(model=GROK, kind="input", cap=5, by=OPERATOR, now=at("2026-01-01"))
    sandbox = make_acme(is_sandbox=True)
    acme.buys("2026-01-10", input=4)
    sandbox.buys("2026-01-01", input=5)
    with pytest.raises(InsufficientSupply, match="Only 0 input units"):
        sandbox.buys("2026-01-01", input=1)
    acme.buys("2026-01-10", input=1)


def test_units_that_have_ended_can_be_bought_before_their_day_is_opened(acme: Acme) -> None:
    set_supply(model=GROK, kind="input", cap=3, by=OPERATOR, now=at("2026-01-01"))
    lot = acme.lot(acme.buys("2026-01-10", input=3))
    lot.cancellations.create(
        organization=acme.organization,
        units=3,
        requested_at=at("2026-01-11"),
        requested_by=acme.alice.person,
        ends_on=day("2026-02-09"),
    )
    globex = make_acme()
    with pytest.raises(InsufficientSupply):
        globex.buys("2026-02-08", input=1)
    globex.buys("2026-02-09", input=3)


def test_only_cancellations_of_the_same_units_that_stand_free_supply(acme: Acme) -> None:
    set_supply(model=GROK, kind="input", cap=3, by=OPERATOR, now=at("2026-01-01"))
    lots = [
        acme.lot(acme.buys("2026-01-10", input=3)),
        acme.lot(acme.buys("2026-01-10", output=3), "output"),
        acme.lot(acme.buys("2026-01-10", GPT, input=3)),
    ]
    cancellations = [acme.cancels(lot, 3, "2026-01-11") for lot in lots]
    undo_cancellation(
        organization=acme.organization,
        cancellation_id=cancellations[0].public_id,
        by=acme.alice,
        now=at("2026-01-11"),
    )
    with pytest.raises(InsufficientSupply, match="Only 0 input units"):
        make_acme().buys("2026-02-09", input=1)
