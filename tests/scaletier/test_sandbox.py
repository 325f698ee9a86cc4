"""`manage.py sandbox` (R13) and `manage.py demo`."""

import io
import json
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from accounts.models import ApiKey, AuditEntry, Membership, Organization, User
from billing.models import BillingAccount, Charge, OrderForm
from capacity.models import Expiry, Lot, Purchase
from common.tokens import digest
from tests.cast import at, day

pytestmark = pytest.mark.django_db


def create_sandbox(*options: str) -> dict[str, Any]:
    out = io.StringIO()
    call_command("sandbox", "--at", "2026-01-10T15:20:00Z", "--json", *options, stdout=out)
    document: dict[str, Any] = json.loads(out.getvalue())
    return document


def test_a_sandbox_has_an_owner_a_purchaser_and_a_member_who_can_sign_in() -> None:
    document = create_sandbox()
    assert document["now"] == "2026-01-10T15:20:00Z"
    organization = Organization.objects.get(public_id=document["organization"])
    assert organization.is_sandbox
    assert organization.now() == at("2026-01-10", "15:20")
    assert [user["role"] for user in document["users"]] == ["owner", "purchaser", "member"]
    for user in document["users"]:
        person = User.objects.get(email=user["email"])
        assert person.check_password(user["password"])
        assert Membership.objects.get(user=person, organization=organization).role == user["role"]
        assert ApiKey.objects.get(digest=digest(user["api_key"])).user == person


def test_a_sandbox_has_an_order_form_from_its_day_on_with_anchor_day_and_discount() -> None:
    document = create_sandbox("--anchor-day", "31", "--discount", "12.5", "--name", "Acme")
    form = OrderForm.objects.get(organization__public_id=document["organization"])
    assert (form.starts_on, str(form.discount_percent)) == (day("2026-01-10"), "12.50")
    assert BillingAccount.objects.get(organization=form.organization).anchor_day == 31
    assert form.organization.name == "Acme"


def test_the_clock_of_a_sandbox_stands_at_a_whole_second() -> None:
    document = create_sandbox("--at", "2026-03-05T23:59:59.999Z")
    assert document["now"] == "2026-03-05T23:59:59Z"
    organization = Organization.objects.get(public_id=document["organization"])
    assert str(organization.clock_at) == "2026-03-05 23:59:59+00:00"


def test_a_sandbox_can_be_created_without_an_order_form() -> None:
    create_sandbox("--no-order-form")
    assert not OrderForm.objects.exists()


@pytest.mark.parametrize(
    "options",
    [
        ("--at", "2026-01-10"),
        ("--at", "2026-01-10T15:20:00"),
        ("--at", "yesterday"),
        ("--anchor-day", "0"),
        ("--anchor-day", "32"),
        ("--discount", "100.01"),
        ("--discount", "NaN"),
        ("--at", "9999-12-31T15:20:00Z"),
        ("--name", " "),
        ("--name", "x" * 121),
    ],
)
def test_the_command_refuses_an_invalid_option(options: tuple[str, str]) -> None:
    with pytest.raises(CommandError):
        create_sandbox(*options)


def test_the_demo_has_customers_with_a_history_and_is_created_once() -> None:
    out = io.StringIO()
    call_command("demo", stdout=out)
    assert "alice@northwind.example" in out.getvalue()
    assert set(Expiry.objects.values_list("reason", flat=True)) == {"cancelled"}
    assert Lot.objects.filter(active_units__gt=0).count() >= 8
    assert Charge.objects.filter(type="renewal").exists()
    counts = Purchase.objects.count(), AuditEntry.objects.count()
    call_command("demo", stdout=out)
    assert (Purchase.objects.count(), AuditEntry.objects.count()) == counts
