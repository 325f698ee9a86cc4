"""The operator's desk, for staff alone."""

import pytest
from allauth.account.models import EmailAddress
from django.test import Client

from accounts.models import AuditEntry, User
from billing.models import BillingAccount, OrderForm
from tests.cast import Acme, load_catalogue, make_acme

pytestmark = pytest.mark.django_db

CHANGE_LISTS = [
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


@pytest.fixture
def acme() -> Acme:
    load_catalogue()
    return make_acme()


@pytest.fixture
def olga() -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("olga@example.com", name="Olga"))
    return client


@pytest.mark.parametrize("path", ["", "invariants/", *(f"{name}/" for name in CHANGE_LISTS)])
def test_olga_sees_every_page_and_alice_none(acme: Acme, olga: Client, path: str) -> None:
    acme.buys("2026-01-10", input=1)
    alice = Client()
    alice.force_login(acme.alice.person)
    # Acme was last opened long ago by the real clock: of all invariants that one does not hold.
    assert olga.get(f"/operator/{path}").status_code == (500 if "invariants" in path else 200)
    assert alice.get(f"/operator/{path}").status_code == 302


def test_the_invariants_page_names_what_does_not_hold(acme: Acme, olga: Client) -> None:
    page = olga.get("/operator/invariants/").content.decode()
    assert f"{acme.organization.public_id}: opened until 2026-01-02" in page


def test_an_order_form_written_by_olga_lets_alice_buy_once_it_is_signed(olga: Client) -> None:
    load_catalogue()
    acme = make_acme(signed=False, is_sandbox=True)
    OrderForm.objects.all().delete()
    BillingAccount.objects.all().delete()
    saved = olga.post(
        "/operator/billing/orderform/add/",
        {
            "organization": acme.organization.pk,
            "starts_on": "2026-01-01",
            "anchor_day": "15",
            "discount_percent": "10",
            "days_until_due": "30",
            "signed_at_0": "2026-01-01",
            "signed_at_1": "09:00:00",
            "signed_name": "Alice",
            "model_discounts-TOTAL_FORMS": "0",
            "model_discounts-INITIAL_FORMS": "0",
        },
    )
    assert saved.status_code == 302, saved.context["adminform"].form.errors
    purchase = acme.buys("2026-01-10", input=1)
    assert str(acme.lot(purchase).first_term_ends_on) == "2026-01-15"
    written = acme.organization.audit_entries.get(action="orderform.created")
    assert (written.source, written.actor and written.actor.name) == ("admin", "Olga")


def test_prices_are_added_by_olga_never_edited(acme: Acme, olga: Client) -> None:
    unit = acme.lot(acme.buys("2026-01-10", input=1)).snapshot.token_units.get(kind="input")
    now = unit.prices.get()
    saved = olga.post(
        f"/operator/capacity/tokenunit/{unit.pk}/change/",
        {
            "tpm": "31500",
            "supply_cap": "40",
            "prices-TOTAL_FORMS": "2",
            "prices-INITIAL_FORMS": "1",
            "prices-0-id": now.pk,
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
    assert saved.status_code == 302
    assert list(unit.prices.order_by("from_on").values_list("amount", flat=True)) == [1000, 900]
    unit.refresh_from_db()
    assert unit.supply_cap == 40
    written = AuditEntry.objects.get(action="listprice.created")
    assert written.after
    assert written.after["amount"] == "900"


def test_olga_signs_in_like_everyone_second_factor_included() -> None:
    answer = Client().get("/operator/login/")
    assert answer.status_code == 302
    assert answer.headers["Location"].startswith("/accounts/login/")


def test_nobody_claims_another_address(acme: Acme) -> None:
    alice = Client()
    alice.force_login(
        acme.alice.person, backend="allauth.account.auth_backends.AuthenticationBackend"
    )
    answer = alice.post("/accounts/email/", {"email": "ceo@bigcorp.com", "action_add": ""})
    assert answer.status_code == 302
    assert not EmailAddress.objects.filter(email="ceo@bigcorp.com").exists()


def test_the_discounts_of_a_signed_form_stay_as_signed(acme: Acme, olga: Client) -> None:
    form = OrderForm.objects.get(organization=acme.organization)
    olga.post(
        f"/operator/billing/orderform/{form.pk}/change/",
        {
            "ends_on": "",
            "model_discounts-TOTAL_FORMS": "1",
            "model_discounts-INITIAL_FORMS": "0",
            "model_discounts-0-order_form": form.pk,
            "model_discounts-0-model": "gpt-5.4",
            "model_discounts-0-discount_percent": "90",
        },
    )
    assert not form.model_discounts.exists()
