"""Cancelling units and undoing it (R5)."""

import pytest

from accounts.models import AuditEntry
from capacity.models import Cancellation, Transaction
from capacity.operations.cancellations import AlreadyEffective, cancel_units, undo_cancellation
from capacity.operations.days import open_due_days
from capacity.queries.cancellations import UnitsExceedActive, quote_cancellation
from common.errors import InvalidRequest, NotFound
from tests.cast import Acme, at, day, load_catalogue, make_acme

pytestmark = pytest.mark.django_db


@pytest.fixture
def acme() -> Acme:
    load_catalogue()
    return make_acme()


def cancel(acme: Acme, lot_id: str, units: int, on: str) -> Cancellation:
    return cancel_units(
        organization=acme.organization, lot_id=lot_id, units=units, by=acme.alice, now=at(on)
    )


def undo(acme: Acme, cancellation: Cancellation, on: str) -> Cancellation:
    return undo_cancellation(
        organization=acme.organization,
        cancellation_id=cancellation.public_id,
        by=acme.alice,
        now=at(on),
    )


def open_to(acme: Acme, on: str) -> None:
    open_due_days(organization=acme.organization, now=at(on, "00:00"))


@pytest.mark.parametrize(
    ("on", "ends_on"),
    [
        ("2026-01-10", "2026-02-09"),
        ("2026-01-15", "2026-02-09"),
        ("2026-02-08", "2026-02-09"),
        ("2026-02-09", "2026-02-10"),
        ("2026-02-20", "2026-02-21"),
    ],
)
def test_units_end_when_the_commitment_and_the_paid_days_are_over(
    acme: Acme, on: str, ends_on: str
) -> None:
    lot = acme.lot(acme.buys("2026-01-10", input=4))
    assert cancel(acme, lot.public_id, 1, on).ends_on == day(ends_on)


def test_the_quote_says_what_the_cancellation_then_does(acme: Acme) -> None:
    lot = acme.lot(acme.buys("2026-01-10", input=4))
    shown = quote_cancellation(lot=lot, units=3, on=day("2026-01-15"))
    assert shown.terms.ends_on == cancel(acme, lot.public_id, 3, "2026-01-15").ends_on
    assert shown.terms.last_charged_day == day("2026-02-08")
    assert str(shown.remaining_cost) == "$240.00"
    assert (shown.tpm.before, shown.tpm.after) == (126_000, 31_500)


def test_cancelled_units_stay_active_and_charged_until_their_end(acme: Acme) -> None:
    lot = acme.lot(acme.buys("2026-01-10", input=4))
    cancellation = cancel(acme, lot.public_id, 3, "2026-01-15")
    open_to(acme, "2026-02-08")
    lot.refresh_from_db()
    assert (lot.active_units, lot.charged_until) == (4, day("2026-02-09"))
    open_to(acme, "2026-02-09")
    lot.refresh_from_db()
    assert lot.active_units == 1
    [expiry] = lot.expiries.all()
    assert (expiry.units, expiry.ended_on, expiry.reason) == (3, day("2026-02-09"), "cancelled")
    cancellation.refresh_from_db()
    assert cancellation.status == "effective"


def test_an_undone_cancellation_leaves_the_lot_as_it_was(acme: Acme) -> None:
    lot = acme.lot(acme.buys("2026-01-10", input=4))
    cancellation = cancel(acme, lot.public_id, 3, "2026-01-15")
    assert undo(acme, cancellation, "2026-02-08").status == "undone"
    open_to(acme, "2026-02-20")
    lot.refresh_from_db()
    assert lot.active_units == 4
    assert not lot.expiries.exists()


def test_what_took_effect_cannot_be_undone(acme: Acme) -> None:
    lot = acme.lot(acme.buys("2026-01-10", input=4))
    cancellation = cancel(acme, lot.public_id, 3, "2026-01-15")
    with pytest.raises(AlreadyEffective, match="ended on 2026-02-09"):
        undo(acme, cancellation, "2026-02-09")


def test_undoing_twice_is_undoing_once(acme: Acme) -> None:
    cancellation = cancel(
        acme, acme.lot(acme.buys("2026-01-10", input=1)).public_id, 1, "2026-01-11"
    )
    undo(acme, cancellation, "2026-01-12")
    assert undo(acme, cancellation, "2026-01-13").status == "undone"
    assert Transaction.objects.filter(type="undo").count() == 1


def test_no_more_can_be_cancelled_than_is_left(acme: Acme) -> None:
    lot = acme.lot(acme.buys("2026-01-10", input=4))
    first = cancel(acme, lot.public_id, 3, "2026-01-11")
    with pytest.raises(UnitsExceedActive, match="1 unit of this lot can still be cancelled"):
        cancel(acme, lot.public_id, 2, "2026-01-12")
    undo(acme, first, "2026-01-13")
    cancel(acme, lot.public_id, 4, "2026-01-14")


@pytest.mark.parametrize("units", [0, -2])
def test_less_than_one_unit_is_no_cancellation(acme: Acme, units: int) -> None:
    lot = acme.lot(acme.buys("2026-01-10", input=4))
    with pytest.raises(InvalidRequest, match="At least one unit"):
        cancel(acme, lot.public_id, units, "2026-01-11")


def test_another_organization_s_lot_does_not_exist(acme: Acme) -> None:
    lot = acme.lot(acme.buys("2026-01-10", input=4))
    with pytest.raises(NotFound):
        cancel(make_acme(), lot.public_id, 1, "2026-01-11")


def test_every_step_is_told_and_recorded(acme: Acme) -> None:
    lot = acme.lot(acme.buys("2026-01-10", input=4))
    undo(acme, cancel(acme, lot.public_id, 3, "2026-01-15"), "2026-01-16")
    cancel(acme, lot.public_id, 2, "2026-01-17")
    open_to(acme, "2026-02-09")
    told = Transaction.objects.order_by("id").values_list("type", "units", "by")
    alice = acme.alice.person.pk
    assert list(told) == [
        ("purchase", 4, alice),
        ("cancellation", 3, alice),
        ("undo", 3, alice),
        ("cancellation", 2, alice),
        ("expiry", 2, None),
    ]
    actions = AuditEntry.objects.filter(actor=acme.alice.user).order_by("id")
    assert list(actions.values_list("action", flat=True)) == [
        "units.bought",
        "units.cancelled",
        "cancellation.undone",
        "units.cancelled",
    ]
