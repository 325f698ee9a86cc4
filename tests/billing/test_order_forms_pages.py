"""Reading and signing an order form (R23)."""

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import User
from billing.models import OrderForm
from tests.api_client import ApiCast
from tests.cast import signed_in, unsigned_form

pytestmark = pytest.mark.django_db

PASSWORD = "correct horse"


@pytest.fixture
def alice(api: ApiCast) -> Client:
    """Alice, who signed in with her password an hour ago."""
    person = api.acme.alice.person
    person.set_password(PASSWORD)
    person.save()
    return signed_in(api.acme.alice)


@pytest.fixture
def form(api: ApiCast) -> OrderForm:
    return unsigned_form(api.acme)


def url(form: OrderForm, route: str) -> str:
    return reverse(route, args=[form.organization.public_id, form.public_id])


def test_alice_signs_by_her_name_after_her_password(alice: Client, form: OrderForm) -> None:
    sign = url(form, "sign_order_form")
    asked = alice.get(sign)
    assert asked["Location"].startswith(reverse("account_reauthenticate"))
    wrong = alice.post(asked["Location"], {"password": "wrong", "next": sign})
    assert "Incorrect password" in wrong.text
    page = alice.post(asked["Location"], {"password": PASSWORD, "next": sign}, follow=True)
    shown = page.context["shown"]
    empty = alice.post(sign, {"name": " ", "shown": shown})
    assert (empty.status_code, empty.context["form"].errors["name"]) == (
        422,
        ["Type your full name."],
    )
    OrderForm.objects.filter(pk=form.pk).update(terms="<b>Bold</b> terms.")
    changed = alice.post(sign, {"name": "Alice Armand", "shown": shown})
    assert "The terms have changed since you read them" in changed.text
    assert "&lt;b&gt;Bold&lt;/b&gt; terms." in changed.text
    assert 'value="Alice Armand"' in changed.text
    signed = alice.post(
        sign, {"name": "Alice Armand", "shown": changed.context["shown"]}, follow=True
    )
    assert "The order form is signed. Units can be bought from 2026-02-01 UTC on." in signed.text
    form.refresh_from_db()
    assert (form.signed_name, form.signed_by) == ("Alice Armand", User.objects.get(name="Alice"))
    assert form.signed_by
    assert form.signed_by.email in signed.text
    entry = form.organization.audit_entries.filter(action="order_form.signed").latest("pk")
    assert (entry.source, entry.address) == ("page", "127.0.0.1")
    assert alice.get(sign)["Location"] == url(form, "read_order_form")


def test_a_name_that_was_typed_before_the_password_is_not_lost(
    alice: Client, form: OrderForm
) -> None:
    sign = url(form, "sign_order_form")
    asked = alice.post(sign, {"name": "Alice Armand", "shown": ""})
    form.refresh_from_db()
    assert not form.is_signed
    page = alice.post(asked["Location"], {"password": PASSWORD, "next": sign})
    assert "The terms have changed" in page.text  # It was sent without what was read.
    assert 'value="Alice Armand"' in page.text


def test_bob_neither_reads_nor_signs(api: ApiCast, form: OrderForm) -> None:
    bob = signed_in(api.acme.bob)
    assert bob.get(url(form, "read_order_form")).status_code == 403
    assert bob.post(url(form, "sign_order_form"), {"name": "Bob"}).status_code == 403
    form.refresh_from_db()
    assert not form.is_signed
