"""Making and signing order forms (R2, R11)."""

from decimal import Decimal

import pytest

from accounts.models import AuditEntry
from billing.domain.order_forms import days_until_due
from billing.models import BillingAccount, OrderForm
from billing.operations.order_forms import create_order_form, sign_order_form
from billing.queries.order_forms import signed_forms
from tests.cast import Acme, at, day

pytestmark = pytest.mark.django_db

NOW = at("2026-01-10")


def make_form(acme: Acme, anchor_day: int = 1) -> OrderForm:
    return create_order_form(
        organization=acme.organization,
        starts_on=day("2026-02-01"),
        ends_on=day("2027-02-01"),
        anchor_day=anchor_day,
        discount_percent=Decimal("12.5"),
        by=acme.alice,
        now=NOW,
    )


def test_making_and_signing_a_form_each_leave_an_entry(acme: Acme) -> None:
    form = make_form(acme)
    sign_order_form(form=form, signed_name="Alice A.", by=acme.alice, now=NOW)
    entries = AuditEntry.objects.filter(subject=form.public_id).order_by("pk")
    assert list(entries.values_list("action", "actor", "after")) == [
        (
            "order_form.created",
            acme.alice.person.pk,
            {"starts_on": "2026-02-01", "ends_on": "2027-02-01", "discount_percent": "12.5"},
        ),
        ("order_form.signed", acme.alice.person.pk, {"signed_name": "Alice A."}),
    ]


def test_a_later_form_leaves_the_anchor_day_as_it_is(acme: Acme) -> None:
    make_form(acme, anchor_day=15)
    assert BillingAccount.objects.get(organization=acme.organization).anchor_day == 1


def test_a_form_that_is_not_signed_sets_no_due_date(acme: Acme) -> None:
    form = make_form(acme)
    OrderForm.objects.filter(pk=form.pk).update(days_until_due=7)
    assert days_until_due(signed_forms(acme.organization), day("2026-03-01")) == 30
    sign_order_form(form=form, signed_name="Alice A.", by=acme.alice, now=NOW)
    assert days_until_due(signed_forms(acme.organization), day("2026-03-01")) == 7
