"""Each invariant fails when it is broken, which needs SQL past the triggers of the database."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pgtrigger
import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.db.models import F

from accounts.models import Organization
from accounts.operations.organizations import create_organization
from billing.models import (
    BillingAccount,
    Charge,
    DailySpend,
    Invoice,
    InvoiceLine,
    InvoicePayment,
    InvoiceSync,
)
from capacity.models import (
    Cancellation,
    Expiry,
    ListPrice,
    Lot,
    Purchase,
    PurchaseRequest,
    Snapshot,
    TokenUnit,
)
from capacity.usage.models import UsageDay, UsageDemand
from capacity.usage.queries.invariants import INVARIANTS, violations
from tests.capacity.usage.traffic import output_came
from tests.cast import GPT, GROK, OPERATOR, Acme, at, day, make_acme

pytestmark = pytest.mark.django_db

TODAY = "2026-02-19"
ONE_DAY = timedelta(days=1)


@pytest.fixture
def acme(catalogue: None) -> Acme:
    """Acme after forty days with cancellations, a new price, invoices, usage, a retired model."""
    acme = make_acme("2026-01-10", anchor_day=15, discount="12.5")
    lot = acme.lot(acme.buys("2026-01-10", input=4, output=2))
    acme.buys("2026-02-10", GPT, input=1)
    unit = TokenUnit.objects.get(snapshot__model=GROK, kind="input")
    ListPrice.objects.create(token_unit=unit, from_on=day("2026-02-14"), amount=1234)
    Snapshot.objects.filter(model=GPT).update(retires_on=day("2026-02-12"))
    for units, on in ((1, "2026-01-11"), (1, TODAY)):
        acme.cancels(lot, units, on)
    acme.open_days(TODAY)
    output_came(acme, {at("2026-02-10"): 5, at("2026-02-18"): 5}, now=at(TODAY))
    Organization.objects.update(is_sandbox=True, clock_at=at(TODAY))
    return acme


def oldest_lot() -> Lot:
    return Lot.objects.earliest("pk")


def renewals() -> list[Charge]:
    """Renewals of the oldest lot."""
    return list(Charge.objects.filter(lot=oldest_lot().public_id, type="renewal").order_by("pk"))


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


def delete_a_renewal() -> None:
    renewals()[3].delete()


def stop_renewing() -> None:
    Lot.objects.filter(pk=oldest_lot().pk).update(charged_until=F("charged_until") - ONE_DAY)


def charge_globex_for_a_lot_of_acme() -> None:
    globex = create_organization(name="Globex", by=OPERATOR, now=at(TODAY))
    Charge.objects.filter(pk=renewals()[0].pk).update(
        organization=globex, project=globex.projects.get()
    )


def charge_for_one_unit_too_many() -> None:
    Charge.objects.filter(pk=renewals()[-1].pk).update(
        units=F("units") + 1, amount=(F("units") + 1) * F("price_per_day")
    )


def charge_more_than_agreed() -> None:
    Charge.objects.filter(pk=renewals()[0].pk).update(
        price_per_day=F("price_per_day") + 1, amount=F("units") * (F("price_per_day") + 1)
    )


def expire_within_the_first_term() -> None:
    lot = oldest_lot()
    Expiry.objects.create(
        organization=lot.organization,
        lot=lot,
        units=1,
        ended_on=lot.starts_on + ONE_DAY,
        reason="payment_overdue",
    )


def remove_a_unit() -> None:
    Lot.objects.filter(pk=oldest_lot().pk).update(active_units=F("active_units") - 1)


def cancel_more_units_than_are_active() -> None:
    Cancellation.objects.filter(status="scheduled").update(units=100)


def pass_the_end_of_cancelled_units() -> None:
    Cancellation.objects.filter(status="scheduled").update(ends_on=day(TODAY))


def cancel_one_unit_more_than_expired() -> None:
    Cancellation.objects.filter(status="effective").update(units=F("units") + 1)


def change_a_line() -> None:
    line = InvoiceLine.objects.earliest("pk")
    line.unit_days += 1
    line.amount += line.price_per_day
    line.save()


def change_a_total() -> None:
    Invoice.objects.filter(number=1).update(subtotal=F("subtotal") + 1, total=F("total") + 1)


def skip_an_invoice_number() -> None:
    Invoice.objects.filter(number=2).update(number=4)
    BillingAccount.objects.update(last_invoice_number=4)


def shift_a_period() -> None:
    Invoice.objects.filter(number=1).update(period_start=F("period_start") - ONE_DAY)


def move_an_invoice_to_another_period() -> None:
    Invoice.objects.filter(number=1).update(
        period_start=day("2030-01-15"), period_end=day("2030-02-15")
    )


def delete_a_payment() -> None:
    InvoicePayment.objects.filter(invoice__number=1).delete()


def store_another_total_of_stripe() -> None:
    InvoiceSync.objects.filter(invoice__number=1).update(
        status="synced", provider_id="in_1", provider_total=1, synced_at=at(TODAY)
    )


def pay_an_invoice_without_telling_stripe() -> None:
    InvoiceSync.objects.filter(invoice__number=1).update(
        status="synced", provider_id="in_1", synced_at=at(TODAY)
    )
    InvoicePayment.objects.filter(invoice__number=1).update(
        status="paid", status_changed_at=at(TODAY)
    )


def leave_days_unopened() -> None:
    Organization.objects.update(opened_until=F("opened_until") - 2 * ONE_DAY)


def create_request(lapses_on: str, units: int, **columns: Any) -> None:
    """A request for what Acme bought first, or for another number of units."""
    purchase = Purchase.objects.earliest("pk")
    PurchaseRequest.objects.create(
        organization=purchase.organization,
        snapshot=purchase.snapshot,
        project=purchase.project,
        units={"input": units, "output": 2},
        due_now_amount=purchase.amount,
        per_day_amount=0,
        requested_at=purchase.created_at,
        requested_by=purchase.created_by,
        lapses_on=day(lapses_on),
        **columns,
    )


def approve_one_unit_more_than_was_asked_for() -> None:
    purchase = Purchase.objects.earliest("pk")
    decided = {"status": "approved", "purchase": purchase, "decided_at": purchase.created_at}
    create_request("2026-01-17", units=3, **decided)


def let_a_request_wait_past_its_day() -> None:
    create_request(TODAY, units=4)


def count_a_cent_too_many_for_limits() -> None:
    DailySpend.objects.update(amount=F("amount") + 1)


def lose_a_token_of_a_day() -> None:
    UsageDay.objects.filter(day="2026-02-10").update(output_tokens=4)


def forget_the_demand_of_a_window() -> None:
    UsageDemand.objects.filter(starts_at=at("2026-02-18")).delete()


WAYS_TO_BREAK: dict[str, Callable[[], None]] = {
    "Nobody is behind by more than a day": leave_days_unopened,
    "A charge is for a lot of its organization": charge_globex_for_a_lot_of_acme,
    "A lot is charged once for a service day": charge_again_within_the_first_term,
    "A lot is charged for every day up to a date": delete_a_renewal,
    "Active lots are charged for every open day": stop_renewing,
    "A charge is for the units active on its day": charge_for_one_unit_too_many,
    "No day is charged after its units ended, but for the rest of a first term in which the model "
    "retired": expire_within_the_first_term,
    "The agreed price holds as long as agreed": charge_more_than_agreed,
    "Units bought are active or have expired": remove_a_unit,
    "No more units are to end than are active": cancel_more_units_than_are_active,
    "Units whose end has come have expired": pass_the_end_of_cancelled_units,
    "Units expire as cancelled as they were cancelled": cancel_one_unit_more_than_expired,
    "An invoice's lines are what its charges add up to": change_a_line,
    "An invoice's totals are the sums of its lines": change_a_total,
    "An organization's invoices are numbered without gaps": skip_an_invoice_number,
    "Invoices are of periods that start on the anchor day": shift_a_period,
    "A period with charges that has ended has its invoice": move_an_invoice_to_another_period,
    "An invoice is open, paid, void or uncollectible": delete_a_payment,
    "An approved request has the one purchase that was asked for, any other has none": (
        approve_one_unit_more_than_was_asked_for
    ),
    "A request whose day has come has lapsed": let_a_request_wait_past_its_day,
    "What limits count is the sum of the charges": count_a_cent_too_many_for_limits,
    "A day of usage is the sum of its closed windows": lose_a_token_of_a_day,
    "What is replayed is what closed windows asked for": forget_the_demand_of_a_window,
    "Stripe's totals equal ours": store_another_total_of_stripe,
    "What is paid cannot be paid again at Stripe": pay_an_invoice_without_telling_stripe,
}


def test_all_hold_after_forty_ordinary_days(acme: Acme, capsys: pytest.CaptureFixture[str]) -> None:
    assert list(violations(now=at(TODAY))) == []
    assert Invoice.objects.count() == 2
    assert Expiry.objects.filter(reason="model_retired").count() == 1
    call_command("check_invariants")
    assert capsys.readouterr().out == f"{len(INVARIANTS)} invariants hold over 1 organizations\n"


@pytest.mark.usefixtures("acme")
def test_each_one_fails_when_it_is_broken(subtests: pytest.Subtests) -> None:
    for invariant in INVARIANTS:
        with subtests.test(invariant.sentence), transaction.atomic():
            with pgtrigger.ignore():
                WAYS_TO_BREAK[invariant.sentence]()
                connection.check_constraints()  # Or the database would refuse it at the end.
            broken = {violation.invariant.sentence for violation in violations(now=at(TODAY))}
            transaction.set_rollback(True)
            assert invariant.sentence in broken


def test_the_command_names_the_rows_at_fault(
    acme: Acme, capsys: pytest.CaptureFixture[str]
) -> None:
    remove_a_unit()
    with pytest.raises(CommandError, match=f"1 of {len(INVARIANTS)} invariants do not hold"):
        call_command("check_invariants")
    errors = capsys.readouterr().err
    assert "Units bought are active or have expired, but:" in errors
    assert f"{oldest_lot().public_id}: 4 units, 1 expired, 2 active" in errors
