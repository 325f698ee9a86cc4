"""After an outage no change reaches back: missed days are opened as they were, then it happens."""

import pytest
from django.test import Client

from accounts.models import Organization
from billing.models import Invoice, OrderForm
from billing.operations.invoice_sync import sync_next_invoice
from billing.operations.order_forms import create_order_form, sign_order_form
from billing.operations.payments import record_payment
from billing.operations.provider_events import process_events
from capacity.models import Lot
from tests.billing.stripe_cast import ISSUED, Stripe, deliver
from tests.cast import OPERATOR, Acme, at, day, make_acme
from tests.invariants import assert_invariants_hold
from tests.operator_pages import save

pytestmark = pytest.mark.django_db

LAST_SWEEP, NEXT_SWEEP = "2026-03-10", "2026-03-25"
"""The outage lies between them. Acme is overdue in it from 2026-03-17 on: invoice 1 was due on
2026-03-03.
"""
EXPIRED_OVERDUE = [(2, "2026-03-17", "payment_overdue")]


@pytest.fixture
def lot(acme: Acme) -> Lot:
    """Two units whose commitment ends on 2026-02-09; invoice 1 is issued."""
    lot = acme.lot(acme.buys("2026-01-10", input=2))
    acme.open_days("2026-02-01")
    return lot


def expiries(lot: Lot) -> list[tuple[int, str, str]]:
    return [
        (expiry.units, str(expiry.ended_on), expiry.reason)
        for expiry in lot.expiries.order_by("id")
    ]


def first_invoice() -> Invoice:
    return Invoice.objects.select_related("organization").get(number=1)


# --- Payments ---------------------------------------------------------------------------------


def pay_at_stripe(stripe: Stripe, client: Client, on: str) -> None:
    """The invoice is paid at Stripe on a day, and the event arrives on that day."""
    stripe.set_clock(at(on))
    stripe.stand_in.act(stripe.invoice, "pay")
    assert deliver(client, stripe.last_event("invoice.paid")) == 200
    assert process_events(now=at(on)) == 1
    assert first_invoice().payment.status == "paid"


def test_an_event_about_a_payment_forgives_no_missed_day(
    acme: Acme, lot: Lot, stripe: Stripe, client: Client
) -> None:
    sync_next_invoice(now=ISSUED)
    acme.open_days(LAST_SWEEP)
    pay_at_stripe(stripe, client, on=NEXT_SWEEP)
    assert expiries(lot) == EXPIRED_OVERDUE
    assert_invariants_hold(now=at(NEXT_SWEEP))


def test_an_event_about_a_payment_in_time_keeps_the_units_active(
    acme: Acme, lot: Lot, stripe: Stripe, client: Client
) -> None:
    sync_next_invoice(now=ISSUED)
    acme.open_days(LAST_SWEEP)
    pay_at_stripe(stripe, client, on="2026-03-16")
    acme.open_days(NEXT_SWEEP)
    assert expiries(lot) == []


def test_an_event_about_a_failed_payment_opens_due_days(
    acme: Acme, lot: Lot, stripe: Stripe, client: Client
) -> None:
    sync_next_invoice(now=ISSUED)
    acme.open_days(LAST_SWEEP)
    stripe.stand_in.act(stripe.invoice, "fail")
    deliver(client, stripe.last_event("invoice.payment_failed"))
    process_events(now=at(NEXT_SWEEP))
    assert expiries(lot) == EXPIRED_OVERDUE


@pytest.mark.usefixtures("catalogue")
def test_an_event_about_a_payment_of_a_sandbox_has_its_own_time(
    stripe: Stripe, client: Client
) -> None:
    sandbox = make_acme(is_sandbox=True)
    lot = sandbox.lot(sandbox.buys("2026-01-10", input=2))
    sandbox.open_days("2026-02-01")
    Organization.objects.update(clock_at=at("2026-03-16"))
    sync_next_invoice(now=ISSUED)
    pay_at_stripe(stripe, client, on="2027-01-01")
    sandbox.organization.refresh_from_db()
    assert sandbox.organization.opened_until == day("2026-03-17")
    assert first_invoice().payment.status_changed_at == at("2026-03-16")
    assert expiries(lot) == []


def test_a_payment_that_an_operator_records_forgives_no_missed_day(acme: Acme, lot: Lot) -> None:
    acme.open_days(LAST_SWEEP)
    record_payment(invoice=first_invoice(), by=OPERATOR, now=at(NEXT_SWEEP))
    assert expiries(lot) == EXPIRED_OVERDUE
    assert first_invoice().payment.status == "paid"
    assert_invariants_hold(now=at(NEXT_SWEEP))


def test_a_payment_that_an_operator_records_in_time_keeps_the_units_active(
    acme: Acme, lot: Lot
) -> None:
    acme.open_days(LAST_SWEEP)
    record_payment(invoice=first_invoice(), by=OPERATOR, now=at("2026-03-16"))
    acme.open_days(NEXT_SWEEP)
    assert expiries(lot) == []


# --- Order forms ------------------------------------------------------------------------------

ORDER_FORM_ENDED = [(2, "2026-02-20", "order_form_ended")]
BEFORE, AFTER = "2026-02-18", "2026-02-25"


@pytest.fixture
def successor(acme: Acme, lot: Lot) -> OrderForm:
    """An order form made in time and not signed; the one in force ends on 2026-02-20."""
    acme.form_ends("2026-02-20", on="2026-02-01")
    successor = create_order_form(
        organization=acme.organization,
        starts_on=day("2026-02-20"),
        by=OPERATOR,
        now=at("2026-02-01"),
    )
    acme.open_days(BEFORE)
    return successor


def test_a_form_signed_after_an_outage_saves_no_units_that_ended_in_it(
    acme: Acme, lot: Lot, successor: OrderForm
) -> None:
    sign_order_form(form=successor, signed_name="Alice", by=acme.alice, now=at(AFTER))
    assert expiries(lot) == ORDER_FORM_ENDED
    acme.buys(AFTER, input=1)


def test_a_form_signed_in_time_keeps_the_units_active(
    acme: Acme, lot: Lot, successor: OrderForm
) -> None:
    sign_order_form(form=successor, signed_name="Alice", by=acme.alice, now=at("2026-02-19"))
    acme.open_days(AFTER)
    assert expiries(lot) == []


def test_making_a_form_opens_due_days(acme: Acme, lot: Lot, successor: OrderForm) -> None:
    create_order_form(
        organization=acme.organization, starts_on=day(AFTER), by=OPERATOR, now=at(AFTER)
    )
    assert expiries(lot) == ORDER_FORM_ENDED


def draft(**fields: object) -> dict[str, object]:
    """The terms of a form, as Olga's browser posts them."""
    return {
        "starts_on": "2026-02-20",
        "anchor_day": "1",
        "discount_percent": "0",
        "days_until_due": "30",
        "model_discounts-TOTAL_FORMS": "0",
        "model_discounts-INITIAL_FORMS": "0",
        **fields,
    }


def set_clock(acme: Acme, on: str) -> None:
    """Make Acme a sandbox with this clock, since the admin reads it."""
    Organization.objects.filter(pk=acme.organization.pk).update(is_sandbox=True, clock_at=at(on))


def sign_on_paper(olga: Client, form: OrderForm) -> None:
    """Olga records that Alice signed the form on paper, and has read what that does."""
    url = f"/operator/billing/orderform/{form.pk}/sign/"
    shown = olga.get(url).context["form"]["shown"].value()
    assert olga.post(url, {"name": "Alice", "shown": shown}).status_code == 302
    form.refresh_from_db()
    assert (form.signed_name, form.signed_by and form.signed_by.name) == ("Alice", "Olga")


def test_a_form_that_olga_adds_and_marks_as_signed_saves_no_units_that_ended_in_an_outage(
    acme: Acme, lot: Lot, successor: OrderForm, olga: Client
) -> None:
    set_clock(acme, AFTER)
    form = draft(organization=acme.organization.pk)
    assert save(olga, "/operator/billing/orderform/add/", form).status_code == 302
    assert expiries(lot) == ORDER_FORM_ENDED
    sign_on_paper(olga, OrderForm.objects.latest("pk"))
    assert expiries(lot) == ORDER_FORM_ENDED
    acme.buys(AFTER, input=1)


@pytest.mark.parametrize("is_of_another", [False, True])
def test_a_form_that_olga_changes_and_marks_as_signed_saves_no_units_that_ended_in_an_outage(
    acme: Acme, lot: Lot, successor: OrderForm, olga: Client, is_of_another: bool
) -> None:
    if is_of_another:
        successor.organization = make_acme("2026-02-25", is_sandbox=True).organization
        successor.save()
    set_clock(acme, AFTER)
    form = draft(organization=acme.organization.pk)
    response = save(olga, f"/operator/billing/orderform/{successor.pk}/change/", form)
    assert response.status_code == 302
    successor.refresh_from_db()
    assert successor.organization == acme.organization
    sign_on_paper(olga, successor)
    assert expiries(lot) == ORDER_FORM_ENDED


@pytest.mark.parametrize("path", ["add", "nobody/change", "999999/change"])
def test_a_form_without_an_organization_is_refused(olga: Client, path: str) -> None:
    response = olga.post(f"/operator/billing/orderform/{path}/", draft(organization=""))
    assert response.status_code in {200, 302}
    assert not OrderForm.objects.exists()
