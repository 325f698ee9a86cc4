"""Operators read what a change does to customers before it is saved."""

from typing import Any

import pytest
from django.test import Client

from billing.models import OrderForm
from capacity.models import ListPrice, Snapshot, TokenUnit
from tests.cast import GROK, Acme, day, make_acme
from tests.operator_pages import effects, save

pytestmark = pytest.mark.django_db

ADD_FORM = "/operator/billing/orderform/add/"


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
    }
    shown = effects(olga, f"/operator/capacity/snapshot/{snapshot.pk}/change/", form)
    assert shown[1] == (
        "2 customers hold 12 units: what is still active on 2030-01-31 expires that day."
    )


def order_form(acme: Acme, **fields: Any) -> dict[str, Any]:
    return {
        "organization": acme.organization.pk,
        "starts_on": "2026-02-01",
        "anchor_day": "15",
        "discount_percent": "12.5",
        "days_until_due": "14",
        "signed_at_0": "2026-01-20",
        "signed_at_1": "09:00:00",
        "signed_name": "Alice",
        "model_discounts-TOTAL_FORMS": "1",
        "model_discounts-INITIAL_FORMS": "0",
        "model_discounts-0-model": GROK,
        "model_discounts-0-discount_percent": "20",
        **fields,
    }


def test_a_signature_says_who_may_buy_and_for_how_much_less(olga: Client) -> None:
    acme = make_acme(is_sandbox=True)
    [former] = OrderForm.objects.all()
    assert effects(olga, ADD_FORM, order_form(acme)) == [
        (
            f"Acme ({acme.organization.public_id}) may buy from 2026-02-01 on, with no end. "
            "Signed by “Alice”: after this only its end can be set."
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
    assert OrderForm.objects.count() == 1


def test_the_end_of_a_signed_form_says_what_ends_with_it(olga: Client) -> None:
    make_acme(is_sandbox=True)
    [form] = OrderForm.objects.all()
    url = f"/operator/billing/orderform/{form.pk}/change/"
    fields = {
        "ends_on": "2026-03-01",
        "model_discounts-TOTAL_FORMS": "0",
        "model_discounts-INITIAL_FORMS": "0",
    }
    assert effects(olga, url, fields)[0] == (
        f"{form} ends on 2026-03-01, and no other form is in force then: "
        "Acme cannot buy from that day on."
    )
    assert save(olga, url, fields).status_code == 302
    assert OrderForm.objects.get().ends_on == day("2026-03-01")


def test_a_draft_does_nothing_and_is_saved_unasked(olga: Client) -> None:
    acme = make_acme(is_sandbox=True)
    draft = order_form(acme, anchor_day="1", signed_at_0="", signed_at_1="", signed_name="")
    assert olga.post(ADD_FORM, draft).status_code == 302
    assert OrderForm.objects.filter(signed_at=None).count() == 1
