"""Each invariant is seen to fail where it is broken, though nothing but SQL could break it."""

from collections.abc import Callable
from datetime import timedelta

import pgtrigger
import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.models import F

from accounts.models import Organization
from billing.models import BillingAccount, Charge, Invoice, InvoiceLine, InvoicePayment, InvoiceSync
from capacity.models import Cancellation, Expiry, ListPrice, Lot, Snapshot, TokenUnit
from capacity.operations.cancellations import cancel_units
from capacity.operations.days import open_due_days
from capacity.queries.invariants import INVARIANTS, violations
from common.invariants import Invariant
from tests.cast import GPT, GROK, Acme, at, day, load_catalogue, make_acme

pytestmark = pytest.mark.django_db

TODAY = "2026-02-19"
ONE_DAY = timedelta(days=1)


@pytest.fixture
def acme() -> Acme:
    """Forty days with everything in them: ends, prices, invoices, a model that retired."""
    load_catalogue()
    acme = make_acme("2026-01-10", anchor_day=15, discount="12.5")
    lot = acme.lot(acme.buys("2026-01-10", input=4, output=2))
    acme.buys("2026-02-10", GPT, input=1)
    unit = TokenUnit.objects.get(snapshot__model=GROK, kind="input")
    ListPrice.objects.create(token_unit=unit, from_on=day("2026-02-14"), amount=1234)
    Snapshot.objects.filter(model=GPT).update(retires_on=day("2026-02-12"))
    for units, on in ((1, "2026-01-11"), (1, TODAY)):
        cancel_units(
            organization=acme.organization,
            lot_id=lot.public_id,
            units=units,
            by=acme.alice,
            now=at(on),
        )
    open_due_days(organization=acme.organization, now=at(TODAY))
    Organization.objects.update(is_sandbox=True, clock_at=at(TODAY))
    return acme


def renewals() -> list[Charge]:
    return list(Charge.objects.filter(lot=oldest().public_id, type="renewal").order_by("pk"))


def oldest() -> Lot:
    return Lot.objects.earliest("pk")


def charge_again_within_the_first_term() -> None:
    first = Charge.objects.earliest("pk")
    Charge.objects.create(
        organization=first.organization,
        project=first.project,
        lot=first.lot,
        model=first.model,
        kind=first.kind,
        type="renewal",
        posted_on=first.posted_on + ONE_DAY,
        service_from=first.service_from + ONE_DAY,
        service_to=first.service_from + 2 * ONE_DAY,
        units=first.units,
        price_per_day=first.price_per_day,
        currency=first.currency,
        amount=first.units * first.price_per_day,
        discount_percent=first.discount_percent,
    )


def forget_a_renewal() -> None:
    renewals()[3].delete()


def stop_renewing() -> None:
    Lot.objects.filter(pk=oldest().pk).update(charged_until=F("charged_until") - ONE_DAY)


def charge_for_another_s_lot() -> None:
    globex = make_acme()
    Charge.objects.filter(pk=renewals()[0].pk).update(
        organization=globex.organization, project=globex.organization.projects.get()
    )


def charge_for_a_unit_too_many() -> None:
    Charge.objects.filter(pk=renewals()[-1].pk).update(
        units=F("units") + 1, amount=(F("units") + 1) * F("price_per_day")
    )


def charge_more_than_agreed() -> None:
    Charge.objects.filter(pk=renewals()[0].pk).update(
        price_per_day=F("price_per_day") + 1, amount=F("units") * (F("price_per_day") + 1)
    )


def expire_within_the_first_term() -> None:
    lot = oldest()
    Expiry.objects.create(
        organization=lot.organization,
        lot=lot,
        units=1,
        ended_on=lot.starts_on + ONE_DAY,
        reason="payment_overdue",
    )


def lose_a_unit() -> None:
    Lot.objects.filter(pk=oldest().pk).update(active_units=F("active_units") - 1)


def cancel_more_than_there_is() -> None:
    Cancellation.objects.filter(status="scheduled").update(units=100)


def miss_an_end() -> None:
    Cancellation.objects.filter(status="scheduled").update(ends_on=day(TODAY))


def forget_a_cancellation() -> None:
    Cancellation.objects.filter(status="effective").update(units=F("units") + 1)


def write_another_line() -> None:
    line = InvoiceLine.objects.earliest("pk")
    line.unit_days += 1
    line.amount += line.price_per_day
    line.save()


def write_another_total() -> None:
    Invoice.objects.filter(number=1).update(subtotal=F("subtotal") + 1, total=F("total") + 1)


def skip_a_number() -> None:
    Invoice.objects.filter(number=2).update(number=4)
    BillingAccount.objects.update(last_invoice_number=4)


def move_a_period() -> None:
    Invoice.objects.filter(number=1).update(period_start=F("period_start") - ONE_DAY)


def lose_an_invoice() -> None:
    Invoice.objects.filter(number=1).update(
        period_start=day("2030-01-15"), period_end=day("2030-02-15")
    )


def lose_a_settlement() -> None:
    InvoicePayment.objects.filter(invoice__number=1).delete()


def tell_stripe_something_else() -> None:
    InvoiceSync.objects.filter(invoice__number=1).update(
        status="synced", provider_id="in_1", provider_total=1, synced_at=at(TODAY)
    )


def keep_a_payment_from_stripe() -> None:
    InvoiceSync.objects.filter(invoice__number=1).update(
        status="synced", provider_id="in_1", synced_at=at(TODAY)
    )
    InvoicePayment.objects.filter(invoice__number=1).update(
        status="paid", status_changed_at=at(TODAY)
    )


def fall_behind() -> None:
    Organization.objects.update(opened_until=F("opened_until") - 2 * ONE_DAY)


WAYS_TO_BREAK: dict[str, Callable[[], None]] = {
    "Nobody is behind by more than a day": fall_behind,
    "A charge is for a lot of its organization": charge_for_another_s_lot,
    "A lot is charged once for a service day": charge_again_within_the_first_term,
    "A lot is charged for every day up to a date": forget_a_renewal,
    "Active lots are charged for every open day": stop_renewing,
    "A charge is for the units active on its day": charge_for_a_unit_too_many,
    "No day is charged after its units ended, but for the rest of a first term in which the model "
    "retired": expire_within_the_first_term,
    "The agreed price holds as long as agreed": charge_more_than_agreed,
    "Units bought are active or have expired": lose_a_unit,
    "No more units are to end than are active": cancel_more_than_there_is,
    "Units whose end has come have expired": miss_an_end,
    "Units expire as cancelled as they were cancelled": forget_a_cancellation,
    "An invoice's lines are what its charges add up to": write_another_line,
    "An invoice's totals are the sums of its lines": write_another_total,
    "An organization's invoices are numbered without gaps": skip_a_number,
    "Invoices are of periods that start on the anchor day": move_a_period,
    "A period with charges that has ended has its invoice": lose_an_invoice,
    "An invoice is open, paid, void or uncollectible": lose_a_settlement,
    "Stripe's totals equal ours": tell_stripe_something_else,
    "What is paid cannot be paid again at Stripe": keep_a_payment_from_stripe,
}


def test_they_hold_after_forty_ordinary_days(
    acme: Acme, capsys: pytest.CaptureFixture[str]
) -> None:
    assert list(violations(now=at(TODAY))) == []
    assert Invoice.objects.count() == 2
    assert Expiry.objects.filter(reason="model_retired").count() == 1
    call_command("check_invariants")
    assert capsys.readouterr().out == f"{len(INVARIANTS)} invariants hold over 1 organizations\n"


@pytest.mark.parametrize("invariant", INVARIANTS, ids=lambda invariant: invariant.sentence)
def test_each_one_fails_when_it_is_broken(acme: Acme, invariant: Invariant) -> None:
    with pgtrigger.ignore():
        WAYS_TO_BREAK[invariant.sentence]()
        connection.check_constraints()  # What the database would say at the end, it says here.
    broken = {found.invariant.sentence: found.rows for found in violations(now=at(TODAY))}
    assert broken[invariant.sentence]


def test_the_command_names_the_rows_at_fault(
    acme: Acme, capsys: pytest.CaptureFixture[str]
) -> None:
    lose_a_unit()
    with pytest.raises(CommandError, match=f"1 of {len(INVARIANTS)} invariants do not hold"):
        call_command("check_invariants")
    told = capsys.readouterr().err
    assert "Units bought are active or have expired, but:" in told
    assert f"{oldest().public_id}: 4 units, 1 expired, 2 active" in told
