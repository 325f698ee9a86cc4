"""The pages of Scale Tier: queries, lists and addresses that people type."""

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import Organization, User
from tests.cast import GROK, Acme, make_acme, signed_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def acme(catalogue: None) -> Acme:
    """A sandbox, since a page reads the organization's clock."""
    return make_acme("2026-01-10", is_sandbox=True)


@pytest.fixture
def alice(acme: Acme) -> Client:
    return signed_in(acme.alice)


def test_each_list_of_a_page_has_its_own_pages(acme: Acme, alice: Client) -> None:
    for _ in range(26):
        acme.buys("2026-01-10", input=1, output=1)
    url = reverse("model", args=[acme.organization.public_id, GROK])
    page = alice.get(url, {"lots": 2, "transactions": 1}).content.decode()
    assert "51–52 of 52" in page
    assert "1–50 of 52" in page
    assert "?lots=2&amp;transactions=2#transactions" in page
    assert "51–52 of 52" in alice.get(url, {"lots": 99}).content.decode()


def test_a_wrong_address_breaks_nothing(acme: Acme, alice: Client) -> None:
    add = reverse("add_capacity", args=[acme.organization.public_id])
    for query in ("model=none", f"model={GROK}&input=-1", f"model={GROK}&input={'9' * 40}"):
        assert alice.get(f"{add}?{query}").status_code == 200
        assert alice.get(f"{add}checkout/?{query}").status_code == 200
    model = reverse("model", args=[acme.organization.public_id, GROK])
    assert alice.get(f"{model}?lots=x&expired=-1").status_code == 200
    assert (
        alice.get(reverse("model", args=[acme.organization.public_id, "none"])).status_code == 404
    )


@pytest.mark.parametrize(
    ("path", "status"),
    [("add/?model=%00", 400), ("add/summary/?model=a%00", 400), ("models/%00/", 404)],
)
def test_a_model_whose_name_has_a_nul_breaks_nothing(
    acme: Acme, alice: Client, path: str, status: int
) -> None:
    scale_tier = reverse("scale_tier", args=[acme.organization.public_id])
    assert alice.get(f"{scale_tier}{path}").status_code == status


@pytest.mark.parametrize("shown", ["9" * 19 + "x", "9" * 5000, "٣" * 5, "-1", "1.0", ""])
def test_no_amount_in_a_checkout_breaks_it(acme: Acme, alice: Client, shown: str) -> None:
    checkout = reverse("checkout", args=[acme.organization.public_id])
    form = {"model": GROK, "input": "1", "key": "k1", "shown": shown}
    assert alice.post(checkout, form).status_code in {302, 422}


@pytest.mark.parametrize("units", ["9" * 5000, "٣", "1e3", "²"])
def test_no_number_of_units_breaks_the_page(acme: Acme, alice: Client, units: str) -> None:
    add = reverse("add_capacity", args=[acme.organization.public_id])
    for page in ("", "summary/", "checkout/"):
        assert alice.get(f"{add}{page}", {"model": GROK, "input": units}).status_code == 200


def test_no_name_becomes_markup(acme: Acme, alice: Client) -> None:
    """Names of organizations, people, keys and projects, and the messages that repeat them."""
    name = "<script>alert(1)</script>"
    Organization.objects.update(name=name)
    User.objects.update(name=name)
    settings = f"/organizations/{acme.organization.public_id}/settings"
    alice.post(f"{settings}/api-keys/", {"name": name})
    key = acme.organization.api_keys.get()
    pages = [f"{settings}/{path}/" for path in ("scale-tier", "members", "api-keys", "invoices")]
    revoke = f"{settings}/api-keys/{key.public_id}/revoke/"
    for response in (
        *map(alice.get, pages),
        alice.get(revoke),
        alice.post(revoke, follow=True),
    ):
        assert response.status_code == 200
        assert "&lt;script&gt;alert" in response.text
        assert name not in response.text
