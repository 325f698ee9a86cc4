"""Cancelling units and undoing it (R5)."""

import pytest

from accounts.models import AuditEntry
from capacity.models import Cancellation, Transaction
from capacity.operations.cancellations import AlreadyEffective, undo_cancellation
from capacity.queries.cancellations import UnitsExceedActive, quote_cancellation
from common.errors import InvalidRequest, NotFound
from tests.cast import GPT, Acme, at, day, make_acme

pytestmark = pytest.mark.django_db


def undo(acme: Acme, cancellation: Cancellation, on: str) -> Cancellation:
    return undo_cancellation(
        organization=acme.organization,
        cancellation_id=cancellation.public_id,
        by=acme.alice,
        now=at(on),
    )


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
    assert acme.cancels(lot, 1, on).ends_on == day(ends_on)


def test_the_quote_says_what_the_cancellation_then_does(acme: Acme) -> None:
    lot = acme.lot(acme.buys("2026-01-10", input=4))
    quote = quote_cancellation(lot=lot, units=3, on=day("2026-01-15"))
    assert quote.terms.ends_on == acme.cancels(lot, 3, "2026-01-15").ends_on
    assert quote.terms.last_charged_day == day("2026-02-08")
    assert str(quote.remaining_cost) == "$240.00"
    assert (quote.tpm.before, quote.tpm.after) == (126_000, 31_500)


def test_a_quote_counts_no_other_organization_model_kind_or_undone_cancellation(
    acme: Acme,
) -> None:
    lot = acme.lot(acme.buys("2026-01-10", input=4))
    globex = make_acme()
    globex.cancels(globex.lot(globex.buys("2026-01-10", input=8)), 5, "2026-01-10")
    acme.cancels(acme.lot(acme.buys("2026-01-10", GPT, input=8)), 5, "2026-01-10")
    acme.cancels(acme.lot(acme.buys("2026-01-10", output=8), "output"), 5, "2026-01-10")
    undo(acme, acme.cancels(lot, 1, "2026-01-10"), "2026-01-10")

    quote = quote_cancellation(lot=lot, units=3, on=day("2026-01-15"))

    assert (quote.tpm.before, quote.tpm.after, quote.tpm_ending) == (4 * 31_500, 31_500, 0)


def test_a_cancellation_that_lost_the_race_with_midnight_takes_place_on_the_new_day(
    acme: Acme,
) -> None:
    """The clock was read on 2026-02-28; another process opened 2026-03-01 before the lock."""
    lot = acme.lot(acme.buys("2026-01-10", input=4))
    acme.open_days("2026-03-01")
    cancellation = acme.cancels(lot, 1, "2026-02-28")
    assert cancellation.requested_at == at("2026-03-01", "00:00")
    assert cancellation.ends_on == day("2026-03-02")


def test_cancelled_units_stay_active_and_charged_until_their_end(acme: Acme) -> None:
    lot = acme.lot(acme.buys("2026-01-10", input=4))
    cancellation = acme.cancels(lot, 3, "2026-01-15")
    acme.open_days("2026-02-08")
    lot.refresh_from_db()
    assert (lot.active_units, lot.charged_until) == (4, day("2026-02-09"))
    acme.open_days("2026-02-09")
    lot.refresh_from_db()
    assert lot.active_units == 1
    [expiry] = lot.expiries.all()
    assert (expiry.units, expiry.ended_on, expiry.reason) == (3, day("2026-02-09"), "cancelled")
    cancellation.refresh_from_db()
    assert cancellation.status == "effective"


def test_an_undone_cancellation_leaves_the_lot_as_it_was(acme: Acme) -> None:
    lot = acme.lot(acme.buys("2026-01-10", input=4))
    cancellation = acme.cancels(lot, 3, "2026-01-15")
    assert undo(acme, cancellation, "2026-02-08").status == "undone"
    acme.open_days("2026-02-20")
    lot.refresh_from_db()
    assert lot.active_units == 4
    assert not lot.expiries.exists()


def test_an_effective_cancellation_cannot_be_undone(acme: Acme) -> None:
    lot = acme.lot(acme.buys("2026-01-10", input=4))
    cancellation = acme.cancels(lot, 3, "2026-01-15")
    with pytest.raises(AlreadyEffective, match="was 2026-02-08"):
        undo(acme, cancellation, "2026-02-09")


def test_undoing_twice_undoes_once(acme: Acme) -> None:
    lot = acme.lot(acme.buys("2026-01-10", input=1))
    cancellation = acme.cancels(lot, 1, "2026-01-11")
    undo(acme, cancellation, "2026-01-12")
    assert undo(acme, cancellation, "2026-01-13").status == "undone"
    assert Transaction.objects.filter(type="undo").count() == 1


def test_refuses_to_cancel_more_units_than_are_left(acme: Acme) -> None:
    lot = acme.lot(acme.buys("2026-01-10", input=4))
    cancellation = acme.cancels(lot, 3, "2026-01-11")
    with pytest.raises(UnitsExceedActive, match="1 unit of this lot can still be cancelled"):
        acme.cancels(lot, 2, "2026-01-12")
    undo(acme, cancellation, "2026-01-13")
    acme.cancels(lot, 4, "2026-01-14")


@pytest.mark.parametrize("units", [0, -2])
def test_refuses_to_cancel_less_than_one_unit(acme: Acme, units: int) -> None:
    lot = acme.lot(acme.buys("2026-01-10", input=4))
    with pytest.raises(InvalidRequest, match="At least one unit"):
        acme.cancels(lot, units, "2026-01-11")


def test_the_lot_of_another_organization_is_not_found(acme: Acme) -> None:
    lot = acme.lot(acme.buys("2026-01-10", input=4))
    globex = make_acme()
    with pytest.raises(NotFound):
        globex.cancels(lot, 1, "2026-01-11")


def test_every_step_leaves_a_transaction_and_an_audit_entry(acme: Acme) -> None:
    lot = acme.lot(acme.buys("2026-01-10", input=4))
    undo(acme, acme.cancels(lot, 3, "2026-01-15"), "2026-01-16")
    acme.cancels(lot, 2, "2026-01-17")
    acme.open_days("2026-02-09")
    transactions = Transaction.objects.order_by("id").values_list("type", "units", "by")
    alice = acme.alice.person.pk
    assert list(transactions) == [
        ("purchase", 4, alice),
        ("cancellation", 3, alice),
        ("undo", 3, alice),
        ("cancellation", 2, alice),
        ("expiry", 2, None),
    ]
    entries = AuditEntry.objects.filter(actor=acme.alice.user).order_by("id")
    assert list(entries.values_list("action", flat=True)) == [
        "units.bought",
        "units.cancelled",
        "cancellation.undone",
        "units.cancelled",
    ]
