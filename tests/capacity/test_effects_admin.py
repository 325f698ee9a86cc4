"""Operators read what a change does to customers before it is saved."""

from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from billing.domain.order_forms import Discounts
from billing.models import OrderForm
from billing.operations.order_forms import create_order_form
from billing.queries.order_forms import order_forms_in_force
from capacity.models import ListPrice, Snapshot, TokenUnit
from tests.cast import GROK, OPERATOR, Acme, at, day, make_acme
from tests.operator_pages import effects, save

pytestmark = pytest.mark.django_db


@pytest.fixture
def unit(acme: Acme) -> TokenUnit:
    """Acme and Globex hold 12 input units together; a sandbox's 5 do not count."""
    acme.buys("2026-01-10", input=8)
    make_acme().buys("2026-01-10", input=4)
    make_acme(is_sandbox=True).buys("2026-01-10", input=5)
    return TokenUnit.objects.get(snapshot__model=GROK, kind="input")


def unit_page(unit: TokenUnit) -> str:
    return f"/operator/capacity/tokenunit/{unit.pk}/change/"


def unit_form(unit: TokenUnit, **fields: Any) -> dict[str, Any]:
    price = unit.prices.get()
    return {
        "tpm": unit.tpm,
        "supply_cap": "",
        "prices-TOTAL_FORMS": "1",
        "prices-INITIAL_FORMS": "1",
        "prices-0-id": price.pk,
        "prices-0-token_unit": unit.pk,
        **fields,
    }


def new_price(unit: TokenUnit, from_on: str, amount: int) -> dict[str, Any]:
    return unit_form(
        unit,
        **{
            "prices-TOTAL_FORMS": "2",
            "prices-1-token_unit": unit.pk,
            "prices-1-from_on": from_on,
            "prices-1-amount": amount,
        },
    )


def test_a_price_says_whom_it_reaches(olga: Client, unit: TokenUnit) -> None:
    form = new_price(unit, "2030-01-01", 1250)
    assert effects(olga, unit_page(unit), form) == [
        (
            f"Raises the price of new input units of {GROK} from $10.00 to $12.50 a day from "
            "2030-01-01 on."
        ),
        (
            "2 customers hold 12 units: after their commitment these renew for $150.00 a day, not "
            "$120.00, before discounts."
        ),
    ]
    assert ListPrice.objects.filter(token_unit=unit).count() == 1
    assert save(olga, unit_page(unit), form).status_code == 302
    assert ListPrice.objects.filter(token_unit=unit).count() == 2


def test_a_price_of_the_past_says_so(olga: Client, unit: TokenUnit) -> None:
    shown = effects(olga, unit_page(unit), new_price(unit, "2025-01-01", 900))
    assert shown[0].startswith("Lowers the price of new input units")
    assert "It starts in the past: what is charged already stays as it is." in shown


def test_a_cap_says_how_many_are_sold(olga: Client, unit: TokenUnit) -> None:
    form = unit_form(unit, supply_cap="10")
    assert effects(olga, unit_page(unit), form) == [
        f"Supply of input units of {GROK}: no cap → 10, while 12 are sold.",
        "Nobody can buy any until fewer than 10 are held; nobody loses what they hold.",
    ]
    assert TokenUnit.objects.get(pk=unit.pk).supply_cap is None
    assert save(olga, unit_page(unit), form).status_code == 302
    assert TokenUnit.objects.get(pk=unit.pk).supply_cap == 10


def test_effects_that_changed_meanwhile_are_shown_again(
    acme: Acme, olga: Client, unit: TokenUnit
) -> None:
    form = unit_form(unit, supply_cap="40")
    name, digest = olga.post(unit_page(unit), form).context["confirmed"]
    acme.buys("2026-01-11", input=1)
    page = olga.post(unit_page(unit), form | {name: digest})
    assert "while 13 are sold" in page.context["effects"][0]
    assert "What this does has changed since you read it" in page.text
    assert TokenUnit.objects.get(pk=unit.pk).supply_cap is None


def test_tpm_and_retirement_say_whom_they_reach(olga: Client, unit: TokenUnit) -> None:
    shown = effects(olga, unit_page(unit), unit_form(unit, tpm=unit.tpm + 1))
    assert "2 customers hold 12 units: these keep theirs." in shown[0]
    snapshot = Snapshot.objects.get(model=GROK)
    form = {
        "name": snapshot.name,
        "provider": snapshot.provider,
        "cached_weight": snapshot.cached_weight,
        "retires_on": "2030-01-31",
        "token_units-TOTAL_FORMS": "0",
        "token_units-INITIAL_FORMS": "0",
        "pay_as_you_go_prices-TOTAL_FORMS": "0",
        "pay_as_you_go_prices-INITIAL_FORMS": "0",
    }
    shown = effects(olga, f"/operator/capacity/snapshot/{snapshot.pk}/change/", form)
    assert shown[1] == (
        "2 customers hold 12 units: what is still active on 2030-01-31 expires that day."
    )


def draft(acme: Acme, **fields: Any) -> OrderForm:
    """A form that Olga has written; saving a draft does nothing to anybody yet."""
    return create_order_form(
        organization=acme.organization,
        starts_on=day("2026-02-01"),
        anchor_day=15,
        discounts=Discounts(Decimal("12.5"), {GROK: Decimal(20)}),
        days_until_due=14,
        by=OPERATOR,
        now=at("2026-01-01"),
    )


def step(form: OrderForm, name: str) -> str:
    return f"/operator/billing/orderform/{form.pk}/{name}/"


def test_a_signature_says_who_may_buy_and_for_how_much_less(olga: Client) -> None:
    acme = make_acme(is_sandbox=True)
    [former] = OrderForm.objects.all()
    form = draft(acme)
    assert olga.get(step(form, "sign")).context["effects"] == [
        (
            f"Acme ({acme.organization.public_id}) may buy from 2026-02-01 on, with no end. "
            "Once signed, the form never changes."
        ),
        (
            f"Discounts: 12.5 % on every model without its own, 20 % on {GROK}. "
            "What is charged already stays as it is."
        ),
        "Invoices are due 14 days after they are issued.",
        f"It takes over from {former}, which is in force on 2026-02-01.",
        (
            "Anchor day 15 has no effect: the invoice periods of Acme start on day 1 since its "
            "first order form."
        ),
    ]


def test_a_form_that_changed_meanwhile_is_not_signed(olga: Client) -> None:
    form = draft(make_acme(is_sandbox=True))
    shown = olga.get(step(form, "sign")).context["form"]["shown"].value()
    OrderForm.objects.filter(pk=form.pk).update(discount_percent=1)
    page = olga.post(step(form, "sign"), {"name": "Alice", "shown": shown})
    assert "The terms have changed since you read them" in page.text
    form.refresh_from_db()
    assert not form.is_signed


def test_the_early_end_of_a_signed_form_says_what_ends_with_it(olga: Client) -> None:
    acme = make_acme(is_sandbox=True)
    [form] = OrderForm.objects.all()
    url, fields = step(form, "terminate"), {"ends_on": "2026-03-01", "reason": "Acme moves on."}
    assert effects(olga, url, fields)[0] == (
        f"{form} ends on 2026-03-01, for good, and no other form is in force then: "
        "Acme cannot buy from that day on, until it signs another."
    )
    assert OrderForm.objects.get().end is None
    assert save(olga, url, fields).status_code == 302
    form = OrderForm.objects.get()
    assert (form.ends_on, form.end) == (None, day("2026-03-01"))
    assert order_forms_in_force(day("2026-02-28")).exists()
    assert not order_forms_in_force(day("2026-03-01")).exists()
    entry = acme.organization.audit_entries.get(action="order_form.terminated")
    assert entry.after == {"ends_on": "2026-03-01", "reason": "Acme moves on."}
    assert "terminated already" in olga.post(url, fields).text
    page = olga.get(f"/operator/billing/orderform/{form.pk}/change/").text
    assert "On 2026-03-01. Acme moves on." in page


@pytest.mark.parametrize(
    ("ends_on", "why"),
    [
        ("2026-01-01", "The earliest is tomorrow"),
        ("2026-06-01", "It ends on 2026-06-01 as signed"),
    ],
)
def test_a_form_ends_early_neither_today_nor_later_than_it_says(
    olga: Client, ends_on: str, why: str
) -> None:
    acme = make_acme(is_sandbox=True)
    form = acme.signs("2026-01-01", "2026-06-01", on="2026-01-01")
    page = olga.post(step(form, "terminate"), {"ends_on": ends_on, "reason": "Agreed."})
    assert why in page.text
    assert form.end == day("2026-06-01")
