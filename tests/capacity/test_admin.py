"""The admin: operators alone see it, and set what is sold, at which price, on which terms."""

import pytest
from django.test import Client

from accounts.models import AuditEntry
from billing.models import OrderForm
from tests.cast import Acme, make_acme, signed_in, yesterday
from tests.operator_pages import save

pytestmark = pytest.mark.django_db

ADMIN_MODELS = [
    "accounts/organization",
    "accounts/membership",
    "accounts/user",
    "accounts/project",
    "accounts/auditentry",
    "billing/orderform",
    "billing/charge",
    "capacity/snapshot",
    "capacity/tokenunit",
    "capacity/lot",
]


@pytest.mark.parametrize("path", ["", "invariants/", *(f"{model}/" for model in ADMIN_MODELS)])
def test_olga_sees_every_page_and_alice_sees_none(acme: Acme, olga: Client, path: str) -> None:
    acme.buys("2026-01-10", input=1)
    # By the real clock Acme is days behind, so one invariant does not hold.
    assert olga.get(f"/operator/{path}").status_code == (500 if "invariants" in path else 200)
    assert signed_in(acme.alice).get(f"/operator/{path}").status_code == 302


def test_the_page_of_invariants_names_the_rows_at_fault(acme: Acme, olga: Client) -> None:
    page = olga.get("/operator/invariants/").content.decode()
    assert f"{acme.organization.public_id}: opened until 2026-01-02" in page


@pytest.mark.usefixtures("catalogue")
def test_alice_may_buy_once_the_order_form_that_olga_made_is_signed(olga: Client) -> None:
    acme = make_acme(signed=False, is_sandbox=True)
    add = "/operator/billing/orderform/add/"
    response = olga.post(
        add,
        {
            "organization": acme.organization.pk,
            "starts_on": "2026-01-01",
            "anchor_day": "15",
            "discount_percent": "10",
            "days_until_due": "30",
            "model_discounts-TOTAL_FORMS": "0",
            "model_discounts-INITIAL_FORMS": "0",
        },
    )
    assert response.status_code == 302, response.context["adminform"].form.errors
    form = OrderForm.objects.latest("pk")
    sign = f"/operator/billing/orderform/{form.pk}/sign/"
    shown = olga.get(sign).context["form"]["shown"].value()
    assert olga.post(sign, {"name": "", "shown": shown}).context["form"].errors["name"]
    assert olga.post(sign, {"name": "Alice", "shown": shown}).status_code == 302
    purchase = acme.buys("2026-01-10", input=1)
    assert str(acme.lot(purchase).first_term_ends_on) == "2026-01-15"
    entry = acme.organization.audit_entries.get(action="orderform.created")
    assert (entry.source, entry.actor and entry.actor.name) == ("admin", "Olga")


def test_olga_adds_a_price_and_cannot_edit_one(acme: Acme, olga: Client) -> None:
    unit = acme.lot(acme.buys("2026-01-10", input=1)).snapshot.token_units.get(kind="input")
    price = unit.prices.get()
    response = save(
        olga,
        f"/operator/capacity/tokenunit/{unit.pk}/change/",
        {
            "tpm": "31500",
            "supply_cap": "40",
            "prices-TOTAL_FORMS": "2",
            "prices-INITIAL_FORMS": "1",
            "prices-0-id": price.pk,
            "prices-0-token_unit": unit.pk,
            "prices-0-from_on": "2024-01-01",
            "prices-0-amount": "1",
            "prices-0-currency": "usd",
            "prices-1-token_unit": unit.pk,
            "prices-1-from_on": "2027-01-01",
            "prices-1-amount": "900",
            "prices-1-currency": "usd",
        },
    )
    assert response.status_code == 302
    assert list(unit.prices.order_by("from_on").values_list("amount", flat=True)) == [1000, 900]
    unit.refresh_from_db()
    assert unit.supply_cap == 40
    entry = AuditEntry.objects.get(action="listprice.created")
    assert entry.after
    assert entry.after["amount"] == 900


def test_olga_cannot_change_a_signed_form_nor_its_discounts(acme: Acme, olga: Client) -> None:
    acme = make_acme(yesterday())
    form = OrderForm.objects.get(organization=acme.organization)
    olga.post(
        f"/operator/billing/orderform/{form.pk}/change/",
        {
            "organization": acme.organization.pk,
            "starts_on": "2020-01-01",
            "ends_on": "2030-01-01",
            "anchor_day": "1",
            "discount_percent": "99",
            "days_until_due": "30",
            "model_discounts-TOTAL_FORMS": "1",
            "model_discounts-INITIAL_FORMS": "0",
            "model_discounts-0-order_form": form.pk,
            "model_discounts-0-model": "gpt-5.4",
            "model_discounts-0-discount_percent": "90",
        },
    )
    form.refresh_from_db()
    assert (form.ends_on, str(form.discount_percent)) == (None, "0.00")
    assert not form.model_discounts.exists()
