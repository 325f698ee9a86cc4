"""After an outage nothing reaches back: missed days are opened as they were, then things change."""

import pytest
from django.test import Client

from accounts.models import Organization, User
from billing.models import Invoice, OrderForm
from billing.operations.invoice_sync import sync_next_invoice
from billing.operations.order_forms import create_order_form, sign_order_form
from billing.operations.payments import record_payment
from capacity.models import Lot
from capacity.operations.days import open_due_days
from tests.billing.stripe_cast import ISSUED, Stripe, process, stripe, tell
from tests.cast import OPERATOR, Acme, at, day, load_catalogue, make_acme
from tests.invariants import assert_invariants_hold

__all__ = ["stripe"]

pytestmark = pytest.mark.django_db

LAST_KNOCK, BACK = "2026-03-10", "2026-03-25"
"""Invoice 1, due on 2026-03-03, makes its organization overdue on 2026-03-17: in the outage."""


@pytest.fixture
def acme() -> Acme:
    load_catalogue()
    return make_acme()


@pytest.fixture
def lot(acme: Acme) -> Lot:
    """Past its commitment since 2026-02-09; opened until the outage."""
    lot = acme.lot(acme.buys("2026-01-10", input=2))
    open_due_days(organization=acme.organization, now=at("2026-02-01"))
    return lot


def outage(acme: Acme, since: str = LAST_KNOCK) -> None:
    open_due_days(organization=acme.organization, now=at(since))


def ends(lot: Lot) -> list[tuple[int, str, str]]:
    return [(row.units, str(row.ended_on), row.reason) for row in lot.expiries.order_by("id")]


def first_invoice() -> Invoice:
    return Invoice.objects.select_related("organization").get(number=1)


EXPIRED_OVERDUE = [(2, "2026-03-17", "payment_overdue")]


# --- Payments ---------------------------------------------------------------------------------


def stripe_says_paid(stripe: Stripe, client: Client, on: str) -> None:
    [theirs] = stripe.invoices
    stripe.is_at(at(on))
    stripe.stand_in.act(theirs, "pay")
    assert tell(client, stripe.event("invoice.paid")) == 200
    assert process(at(on)) == 1
    assert first_invoice().payment.status == "paid"


def test_word_of_a_payment_forgives_no_day_that_was_missed(
    acme: Acme, lot: Lot, stripe: Stripe, client: Client
) -> None:
    sync_next_invoice(now=ISSUED)
    outage(acme)
    stripe_says_paid(stripe, client, on=BACK)
    assert ends(lot) == EXPIRED_OVERDUE
    assert_invariants_hold(now=at(BACK))


def test_word_of_a_payment_in_time_keeps_the_units(
    acme: Acme, lot: Lot, stripe: Stripe, client: Client
) -> None:
    sync_next_invoice(now=ISSUED)
    outage(acme)
    stripe_says_paid(stripe, client, on="2026-03-16")
    outage(acme, since=BACK)
    assert ends(lot) == []


def test_word_of_a_failed_payment_opens_what_is_due_as_well(
    acme: Acme, lot: Lot, stripe: Stripe, client: Client
) -> None:
    sync_next_invoice(now=ISSUED)
    outage(acme)
    [theirs] = stripe.invoices
    stripe.stand_in.act(theirs, "fail")
    tell(client, stripe.event("invoice.payment_failed"))
    process(at(BACK))
    assert ends(lot) == EXPIRED_OVERDUE


def test_a_sandbox_hears_of_a_payment_at_its_own_time(stripe: Stripe, client: Client) -> None:
    load_catalogue()
    sandbox = make_acme(is_sandbox=True)
    lot = sandbox.lot(sandbox.buys("2026-01-10", input=2))
    open_due_days(organization=sandbox.organization, now=at("2026-02-01"))
    Organization.objects.update(clock_at=at("2026-03-16"))
    sync_next_invoice(now=ISSUED)
    stripe_says_paid(stripe, client, on="2027-01-01")
    sandbox.organization.refresh_from_db()
    assert sandbox.organization.opened_until == day("2026-03-17")
    assert first_invoice().payment.status_changed_at == at("2026-03-16")
    assert ends(lot) == []


def test_a_payment_that_an_operator_records_forgives_no_day_that_was_missed(
    acme: Acme, lot: Lot
) -> None:
    outage(acme)
    record_payment(invoice=first_invoice(), by=OPERATOR, now=at(BACK))
    assert ends(lot) == EXPIRED_OVERDUE
    assert first_invoice().payment.status == "paid"
    assert_invariants_hold(now=at(BACK))


def test_a_payment_recorded_in_time_keeps_the_units(acme: Acme, lot: Lot) -> None:
    outage(acme)
    record_payment(invoice=first_invoice(), by=OPERATOR, now=at("2026-03-16"))
    outage(acme, since=BACK)
    assert ends(lot) == []


# --- Order forms ------------------------------------------------------------------------------

FORM_ENDED = [(2, "2026-02-20", "order_form_ended")]
BEFORE, AFTER = "2026-02-18", "2026-02-25"


@pytest.fixture
def successor(acme: Acme, lot: Lot) -> OrderForm:
    """Alice's form ends on 2026-02-20; the next one was written in time, and is not signed yet."""
    OrderForm.objects.update(ends_on=day("2026-02-20"))
    written = create_order_form(
        organization=acme.organization,
        starts_on=day("2026-02-20"),
        by=OPERATOR,
        now=at("2026-02-01"),
    )
    outage(acme, since=BEFORE)
    return written


def test_a_form_signed_after_an_outage_saves_no_units_that_ended_in_it(
    acme: Acme, lot: Lot, successor: OrderForm
) -> None:
    sign_order_form(form=successor, signed_name="Alice", by=acme.alice, now=at(AFTER))
    assert ends(lot) == FORM_ENDED
    acme.buys(AFTER, input=1)


def test_a_form_signed_in_time_keeps_units_going(
    acme: Acme, lot: Lot, successor: OrderForm
) -> None:
    sign_order_form(form=successor, signed_name="Alice", by=acme.alice, now=at("2026-02-19"))
    outage(acme, since=AFTER)
    assert ends(lot) == []


def test_writing_a_form_opens_what_is_due(acme: Acme, lot: Lot, successor: OrderForm) -> None:
    create_order_form(
        organization=acme.organization, starts_on=day(AFTER), by=OPERATOR, now=at(AFTER)
    )
    assert ends(lot) == FORM_ENDED


@pytest.fixture
def olga(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("olga@example.com", name="Olga"))
    return client


def on_paper(**fields: object) -> dict[str, object]:
    """A form of Olga's, signed on paper, as her browser posts it."""
    return {
        "starts_on": "2026-02-20",
        "anchor_day": "1",
        "discount_percent": "0",
        "days_until_due": "30",
        "signed_at_0": "2026-02-19",
        "signed_at_1": "09:00:00",
        "signed_name": "Alice",
        "model_discounts-TOTAL_FORMS": "0",
        "model_discounts-INITIAL_FORMS": "0",
        **fields,
    }


def it_is(acme: Acme, on: str) -> None:
    """The operator's desk reads the clock itself, so Acme gets one that says so."""
    Organization.objects.filter(pk=acme.organization.pk).update(is_sandbox=True, clock_at=at(on))


def test_a_form_that_olga_adds_saves_no_units_that_ended_in_an_outage(
    acme: Acme, lot: Lot, successor: OrderForm, olga: Client
) -> None:
    it_is(acme, AFTER)
    form = on_paper(organization=acme.organization.pk)
    assert olga.post("/operator/billing/orderform/add/", form).status_code == 302
    assert OrderForm.objects.filter(signed_name="Alice", starts_on=day("2026-02-20")).exists()
    assert ends(lot) == FORM_ENDED


@pytest.mark.parametrize("written_for_another", [False, True])
def test_a_form_that_olga_has_signed_saves_no_units_that_ended_in_an_outage(
    acme: Acme, lot: Lot, successor: OrderForm, olga: Client, written_for_another: bool
) -> None:
    if written_for_another:
        successor.organization = make_acme("2026-02-25", is_sandbox=True).organization
        successor.save()
    it_is(acme, AFTER)
    form = on_paper(organization=acme.organization.pk)
    saved = olga.post(f"/operator/billing/orderform/{successor.pk}/change/", form)
    assert saved.status_code == 302
    successor.refresh_from_db()
    assert (successor.signed_name, successor.organization) == ("Alice", acme.organization)
    assert ends(lot) == FORM_ENDED


def test_a_form_that_olga_prolongs_saves_no_units_that_ended_in_an_outage(
    acme: Acme, lot: Lot, successor: OrderForm, olga: Client
) -> None:
    it_is(acme, AFTER)
    signed = OrderForm.objects.get(ends_on=day("2026-02-20"))
    form = {name: 0 for name in on_paper() if name.startswith("model_discounts")}
    saved = olga.post(f"/operator/billing/orderform/{signed.pk}/change/", form | {"ends_on": ""})
    assert saved.status_code == 302
    signed.refresh_from_db()
    assert signed.ends_on is None
    assert ends(lot) == FORM_ENDED


@pytest.mark.parametrize("address", ["add", "nobody/change", "999999/change"])
def test_what_olga_posts_for_nobody_is_refused_as_ever(olga: Client, address: str) -> None:
    answer = olga.post(f"/operator/billing/orderform/{address}/", on_paper(organization=""))
    assert answer.status_code in {200, 302}
    assert not OrderForm.objects.exists()
