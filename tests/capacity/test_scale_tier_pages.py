"""The pages ask the database as often for sixty lots as for two, and for forty pages as for one."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from tests.cast import GROK, Acme, load_catalogue, make_acme

pytestmark = pytest.mark.django_db

BACKEND = "allauth.account.auth_backends.AuthenticationBackend"


@pytest.fixture
def acme() -> Acme:
    """On a clock that stands, since a page reads the organization's own."""
    load_catalogue()
    return make_acme("2026-01-10", is_sandbox=True)


@pytest.fixture
def alice(acme: Acme) -> Client:
    client = Client()
    client.force_login(acme.alice.person, backend=BACKEND)
    return client


@pytest.mark.parametrize("route", ["scale_tier", "model"])
def test_queries_do_not_grow_with_lots(
    acme: Acme, alice: Client, django_assert_max_num_queries: Any, route: str
) -> None:
    here = [acme.organization.public_id, *([GROK] if route == "model" else [])]
    address = reverse(route, args=here)
    acme.buys("2026-01-10", input=1, output=1)
    alice.get(address)  # Opens what is due, and notes the session.
    with django_assert_max_num_queries(30) as few:
        assert alice.get(address).status_code == 200
    for _ in range(30):
        acme.buys("2026-01-10", input=1, output=1)
    with django_assert_max_num_queries(len(few)):
        assert alice.get(address).status_code == 200


def test_lists_are_paged_each_on_its_own(acme: Acme, alice: Client) -> None:
    for _ in range(26):
        acme.buys("2026-01-10", input=1, output=1)
    address = reverse("model", args=[acme.organization.public_id, GROK])
    page = alice.get(address, {"lots": 2, "transactions": 1}).content.decode()
    assert "51–52 of 52" in page
    assert "1–50 of 52" in page
    assert "?lots=2&amp;transactions=2#transactions" in page
    assert "51–52 of 52" in alice.get(address, {"lots": 99}).content.decode()


def test_what_is_typed_into_the_address_breaks_nothing(acme: Acme, alice: Client) -> None:
    add = reverse("add_capacity", args=[acme.organization.public_id])
    for query in ("model=none", f"model={GROK}&input=-1", f"model={GROK}&input={'9' * 40}"):
        assert alice.get(f"{add}?{query}").status_code == 200
        assert alice.get(f"{add}checkout/?{query}").status_code == 200
    model = reverse("model", args=[acme.organization.public_id, GROK])
    assert alice.get(f"{model}?lots=x&expired=-1").status_code == 200
    assert (
        alice.get(reverse("model", args=[acme.organization.public_id, "none"])).status_code == 404
    )


@pytest.mark.parametrize("path", ["add/?model=%00", "add/summary/?model=a%00", "models/%00/"])
def test_a_name_that_no_database_can_hold_is_not_found(
    acme: Acme, alice: Client, path: str
) -> None:
    here = reverse("scale_tier", args=[acme.organization.public_id])
    assert alice.get(f"{here}{path}").status_code == 404
