"""`manage.py sandbox` (R13) and `manage.py demo`."""

import io
import json
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth import authenticate
from django.core.management import CommandError, call_command
from django.utils import timezone

from accounts.models import ApiKey, AuditEntry, Membership, Organization, OutboundEmail, User
from billing.models import BillingAccount, Charge, OrderForm
from capacity.models import Expiry, Lot, Purchase
from common.tokens import digest
from scaletier.devserver.demo import sign_in_table
from tests.cast import at, day
from tests.invariants import assert_invariants_hold

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
    call_command("demo", stdout=io.StringIO())
    assert set(Expiry.objects.values_list("reason", flat=True)) == {"cancelled"}
    assert Lot.objects.filter(active_units__gt=0).count() >= 8
    assert_demo_charges_are_complete()
    assert_invariants_hold(now=timezone.now())
    assert not OutboundEmail.objects.filter(sent_at=None).exists()
    counts = Purchase.objects.count(), AuditEntry.objects.count()
    call_command("demo", stdout=io.StringIO())
    assert (Purchase.objects.count(), AuditEntry.objects.count()) == counts


def assert_demo_charges_are_complete() -> None:
    """Each service day of each demo lot is charged once, as on the ordinary path."""
    for lot in Lot.objects.prefetch_related("expiries"):
        charged = Counter(
            charge.service_from + timedelta(days=n)
            for charge in Charge.objects.filter(lot=lot.public_id)
            for n in range((charge.service_to - charge.service_from).days)
        )
        days = (lot.charged_until - lot.starts_on).days
        assert charged == {lot.starts_on + timedelta(days=n): 1 for n in range(days)}
        if lot.active_units:
            assert lot.charged_until >= lot.organization.opened_until


def test_the_demo_says_who_can_sign_in_and_with_which_password() -> None:
    out = io.StringIO()
    call_command("demo", stdout=out)
    header, *rows = sign_in_table().splitlines()
    assert sign_in_table() in out.getvalue()
    assert header.split() == ["Name", "Email", "Password", "Role"]
    (olga,) = (line for line in rows if "Olga" in line)
    assert olga.endswith("Operator, the platform")
    for row in rows:
        email = row[header.index("Email") :].split()[0]
        password = row[header.index("Password") :].split()[0]
        assert authenticate(None, email=email, password=password) is not None, row
