"""Opening a day (R7), and what that does to lots (R4, R5, R6, R11)."""

from datetime import timedelta

import pytest
from django.core.management import call_command
from pytest_django import DjangoAssertNumQueries

from accounts.models import AuditEntry, Organization
from billing.models import Charge, Invoice, InvoicePayment
from capacity.models import Cancellation, Expiry, ListPrice, Lot, Snapshot, TokenUnit
from capacity.operations.days import Opened, open_day
from capacity.operations.sweep import open_due_days_everywhere
from capacity.queries.refusals import PaymentOverdue
from tests.cast import GROK, Acme, at, day, make_acme

pytestmark = pytest.mark.django_db


def expiries(lot: Lot) -> list[tuple[int, str, str]]:
    return [
        (expiry.units, str(expiry.ended_on), expiry.reason)
        for expiry in lot.expiries.order_by("id")
    ]


def renewal_days(lot: Lot) -> list[str]:
    charges = Charge.objects.filter(lot=lot.public_id, type="renewal").order_by("posted_on")
    return [str(charge.posted_on) for charge in charges]


def test_every_missed_day_is_opened_in_order_each_with_its_own_date(acme: Acme) -> None:
    lot = acme.lot(acme.buys("2026-01-10", input=2))
    opened = acme.open_days("2026-02-04")
    assert opened == Opened(days=25, charges=4, invoices=1)
    assert renewal_days(lot) == ["2026-02-01", "2026-02-02", "2026-02-03", "2026-02-04"]
    assert Charge.objects.filter(type="renewal").values_list("amount", flat=True)[0] == 2000


def test_opening_a_day_twice_changes_nothing(acme: Acme) -> None:
    acme.buys("2026-01-10", input=2)
    acme.open_days("2026-02-04")
    assert acme.open_days("2026-02-04") == Opened()
    assert acme.open_days("2026-02-01") == Opened()
    assert Charge.objects.filter(type="renewal").count() == 4


def test_a_day_takes_statements_only_for_what_is_due(
    acme: Acme, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    acme.buys("2026-01-10", input=2)
    acme.open_days("2026-01-14")
    organizations = [acme.organization.pk]
    with django_assert_num_queries(4):
        assert open_day(organizations=organizations, on=day("2026-01-15")).charges == 0
    acme.open_days("2026-02-01")
    with django_assert_num_queries(6):
        assert open_day(organizations=organizations, on=day("2026-02-02")).charges == 1


def test_the_agreed_price_holds_within_the_commitment_and_the_list_price_after(acme: Acme) -> None:
    acme.buys("2026-01-10", input=1)
    unit = TokenUnit.objects.get(snapshot__model=GROK, kind="input")
    ListPrice.objects.create(token_unit=unit, from_on=day("2026-02-03"), amount=1100)
    ListPrice.objects.create(token_unit=unit, from_on=day("2026-02-10"), amount=1200)
    acme.open_days("2026-02-11")
    prices = dict(Charge.objects.values_list("posted_on", "price_per_day"))
    assert prices[day("2026-02-08")] == 1000
    assert prices[day("2026-02-09")] == 1100
    assert prices[day("2026-02-10")] == prices[day("2026-02-11")] == 1200


def test_units_past_their_commitment_expire_when_the_order_form_has_ended(acme: Acme) -> None:
    old = acme.lot(acme.buys("2026-01-10", input=2))
    young = acme.lot(acme.buys("2026-02-05", input=3))
    acme.form_ends("2026-02-20", on="2026-02-05")
    acme.open_days("2026-03-12")
    assert expiries(old) == [(2, "2026-02-20", "order_form_ended")]
    assert renewal_days(old)[-1] == "2026-02-19"
    assert expiries(young) == [(3, "2026-03-07", "order_form_ended")]
    assert renewal_days(young) == [f"2026-03-0{n}" for n in range(1, 7)]


def test_a_successor_of_the_order_form_keeps_units_active(acme: Acme) -> None:
    lot = acme.lot(acme.buys("2026-01-10", input=2))
    acme.form_ends("2026-02-20", on="2026-02-01")
    acme.signs("2026-02-20", on="2026-02-02")
    acme.open_days("2026-03-12")
    assert expiries(lot) == []


def test_every_active_unit_expires_when_the_model_retires(acme: Acme) -> None:
    lot = acme.lot(acme.buys("2026-01-10", input=4))
    cancellation = acme.cancels(lot, 1, "2026-01-11")
    Snapshot.objects.filter(model=GROK).update(retires_on=day("2026-02-03"))
    acme.open_days("2026-02-20")
    assert expiries(lot) == [(4, "2026-02-03", "model_retired")]
    assert renewal_days(lot) == ["2026-02-01", "2026-02-02"]
    assert Cancellation.objects.get(pk=cancellation.pk).status == "effective"


def test_cancelled_units_expire_as_cancelled_on_the_day_the_model_retires(acme: Acme) -> None:
    lot = acme.lot(acme.buys("2026-01-10", input=4))
    acme.cancels(lot, 1, "2026-01-11")
    Snapshot.objects.filter(model=GROK).update(retires_on=day("2026-02-09"))
    acme.open_days("2026-02-09")
    assert expiries(lot) == [(1, "2026-02-09", "cancelled"), (3, "2026-02-09", "model_retired")]


def test_the_sweep_opens_the_days_of_every_organization_by_its_own_clock(acme: Acme) -> None:
    acme.buys("2026-01-10", input=1)
    sandbox = make_acme("2026-01-20", is_sandbox=True)
    late = make_acme("2026-01-25")
    opened = open_due_days_everywhere(now=at("2026-02-02"))
    assert opened == Opened(days=23 + 8, charges=2, invoices=1)
    opened_until = dict(Organization.objects.values_list("pk", "opened_until"))
    assert opened_until == {
        acme.organization.pk: day("2026-02-03"),
        sandbox.organization.pk: day("2026-01-21"),
        late.organization.pk: day("2026-02-03"),
    }


def test_the_sweep_writes_the_same_rows_as_opening_one_organization(acme: Acme) -> None:
    globex = make_acme()
    for company in (acme, globex):
        lot = company.lot(company.buys("2026-01-10", input=4, output=2))
        company.cancels(lot, 1, "2026-01-11")
    acme.open_days("2026-03-05")
    open_due_days_everywhere(now=at("2026-03-05"))

    def rows(company: Acme) -> tuple[object, ...]:
        own = {"organization": company.organization}
        charges = Charge.objects.filter(**own).values_list(
            "kind", "type", "posted_on", "service_to", "units", "amount"
        )
        expiries = Expiry.objects.filter(**own).values_list("units", "ended_on", "reason")
        lots = Lot.objects.filter(**own).values_list("kind", "active_units", "charged_until")
        return sorted(charges), sorted(expiries), sorted(lots)

    assert rows(acme) == rows(globex)


def test_opening_the_days_of_one_organization_leaves_every_other_alone(acme: Acme) -> None:
    globex = make_acme()
    for company in (acme, globex):
        company.cancels(company.lot(company.buys("2026-01-10", input=4)), 1, "2026-01-11")

    acme.open_days("2026-03-05")

    own = {"organization": globex.organization}
    [lot] = Lot.objects.filter(**own)
    assert (lot.active_units, lot.charged_until) == (4, day("2026-02-01"))
    assert Cancellation.objects.get(**own).status == "scheduled"
    assert Charge.objects.filter(**own).count() == 1
    assert not Invoice.objects.filter(**own).exists()
    globex.organization.refresh_from_db()
    assert globex.organization.opened_until == day("2026-01-12")


def test_units_depend_on_the_form_and_the_payments_of_their_own_organization(acme: Acme) -> None:
    in_debt, in_order = make_acme(), make_acme()
    companies = (acme, in_debt, in_order)
    lots = [company.lot(company.buys("2026-01-10", input=2)) for company in companies]
    for company in companies:
        company.open_days("2026-02-01")
    acme.form_ends("2026-02-20", on="2026-02-01")
    InvoicePayment.objects.filter(organization=in_order.organization).update(status="paid")

    for company in companies:
        company.open_days("2026-03-20")

    assert [expiries(lot) for lot in lots] == [
        [(2, "2026-02-20", "order_form_ended")],
        [(2, "2026-03-17", "payment_overdue")],
        [],
    ]
    in_order.buys("2026-03-20", input=1)


def test_what_happens_by_time_leaves_entries_without_a_person(acme: Acme) -> None:
    lot = acme.lot(acme.buys("2026-01-10", input=4))
    acme.cancels(lot, 1, "2026-01-11")
    acme.open_days("2026-02-12")
    invoice = Invoice.objects.get()
    entries = AuditEntry.objects.filter(source="time", actor=None).order_by("pk")
    assert list(entries.values_list("action", "subject", "at", "after")) == [
        (
            "invoice.issued",
            invoice.public_id,
            at("2026-02-01", "00:00"),
            {"number": 1, "total": {"amount": 4 * 1000 * 22, "currency": "usd"}},
        ),
        (
            "units.expired",
            lot.public_id,
            at("2026-02-09", "00:00"),
            {"units": 1, "reason": "cancelled"},
        ),
    ]


def test_the_command_opens_days_until_a_date_and_prints_what_it_did(
    acme: Acme, capsys: pytest.CaptureFixture[str]
) -> None:
    acme.buys("2026-01-10", input=1)
    call_command("open_days", "--until", "2026-02-02")
    assert capsys.readouterr().out.startswith("23 days opened, 2 charges, 1 invoices")
    acme.organization.refresh_from_db()
    assert acme.organization.opened_until == day("2026-02-02") + timedelta(days=1)


@pytest.mark.parametrize("status", ["open", "uncollectible"])
def test_units_past_their_commitment_expire_when_an_invoice_is_14_days_past_due(
    acme: Acme, status: str
) -> None:
    old = acme.lot(acme.buys("2026-01-10", input=2))
    young = acme.lot(acme.buys("2026-03-01", input=1))
    invoice = Invoice.objects.get(number=1)
    assert invoice.due_on == day("2026-03-03")
    InvoicePayment.objects.filter(invoice=invoice).update(status=status)
    acme.open_days("2026-03-20")
    assert expiries(old) == [(2, "2026-03-17", "payment_overdue")]
    assert expiries(young) == []
    with pytest.raises(PaymentOverdue, match="Invoice ACM-0001 was due on 2026-03-03"):
        acme.buys("2026-03-20", input=1)
    InvoicePayment.objects.filter(invoice=invoice).update(status="paid")
    acme.buys("2026-03-20", input=1)


@pytest.mark.parametrize(
    ("causes", "reason"),
    [
        ({"form", "payment"}, "order_form_ended"),
        ({"payment", "retirement"}, "model_retired"),
        ({"form", "retirement"}, "model_retired"),
        ({"form", "payment", "retirement"}, "model_retired"),
    ],
    ids=lambda value: " and ".join(sorted(value)) if isinstance(value, set) else value,
)
def test_units_that_end_for_two_reasons_on_one_day_say_the_first(
    acme: Acme, causes: set[str], reason: str
) -> None:
    """On 2026-03-17 the invoice of January is 14 days past due."""
    lot = acme.lot(acme.buys("2026-01-10", input=2))
    if "form" in causes:
        acme.form_ends("2026-03-17", on="2026-01-10")
    if "retirement" in causes:
        Snapshot.objects.filter(model=GROK).update(retires_on=day("2026-03-17"))
    if "payment" not in causes:
        acme.open_days("2026-03-16")
        InvoicePayment.objects.update(status="paid")
    acme.open_days("2026-03-20")
    assert expiries(lot) == [(2, "2026-03-17", reason)]
