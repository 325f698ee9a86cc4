"""Making and signing order forms (R2, R11)."""

from decimal import Decimal

import pytest
from django.core import mail

from accounts.models import AuditEntry, Role
from accounts.operations.emails import send_due_emails
from billing.domain.order_forms import Discounts, days_until_due
from billing.models import BillingAccount, OrderForm
from billing.operations.order_forms import (
    AlreadySigned,
    OrderFormChanged,
    OrderFormEnded,
    create_order_form,
    sign_order_form,
)
from billing.queries.order_forms import (
    billing_account,
    form_states,
    signed_forms,
    terms_digest,
)
from common.errors import InvalidRequest
from tests.cast import GROK, OPERATOR, Acme, at, day, make_acme, person

pytestmark = pytest.mark.django_db

NOW = at("2026-01-10")


def make_form(acme: Acme, anchor_day: int = 1, ends_on: str = "2027-02-01") -> OrderForm:
    return create_order_form(
        organization=acme.organization,
        starts_on=day("2026-02-01"),
        ends_on=day(ends_on),
        anchor_day=anchor_day,
        discounts=Discounts(Decimal("12.5")),
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
            {
                "starts_on": "2026-02-01",
                "ends_on": "2027-02-01",
                "anchor_day": 1,
                "discount_percent": "12.5",
                "days_until_due": 30,
            },
        ),
        ("order_form.signed", acme.alice.person.pk, {"signed_name": "Alice A."}),
    ]


def test_a_later_form_leaves_the_anchor_day_as_it_is(acme: Acme) -> None:
    make_form(acme, anchor_day=15)
    assert BillingAccount.objects.get(organization=acme.organization).anchor_day == 1


def test_the_first_form_that_is_signed_fixes_the_anchor_day() -> None:
    acme = make_acme(anchor_day=15, signed=False)
    assert billing_account(acme.organization).anchor_day == 1
    acme.signs("2026-01-01", on="2026-01-01", anchor_day=31)
    first = OrderForm.objects.earliest("pk")
    sign_order_form(form=first, signed_name="Alice", by=acme.alice, now=NOW)
    assert BillingAccount.objects.get(organization=acme.organization).anchor_day == 31


def test_a_form_is_signed_once_with_a_full_name_as_it_was_read(acme: Acme) -> None:
    form = make_form(acme)
    read = terms_digest(form)

    def sign(name: str, shown: str | None = None, on: str = "2026-01-10") -> OrderForm:
        return sign_order_form(form=form, signed_name=name, by=acme.alice, now=at(on), shown=shown)

    for name in ("", "  ", "A", "12 34", "--", "Alice\nArmand", "x" * 121):
        with pytest.raises(InvalidRequest) as refusal:
            sign(name)
        assert list(refusal.value.errors) == ["name"]
    OrderForm.objects.filter(pk=form.pk).update(terms="Paid in advance.")
    with pytest.raises(OrderFormChanged):
        sign("Alice", read)
    form.refresh_from_db()
    assert sign("  李 明 ", terms_digest(form)).signed_name == "李 明"
    with pytest.raises(AlreadySigned, match="李 明"):
        sign("Alice")
    over = acme.signs("2026-02-01", "2026-02-20", on="2026-01-10")
    assert over.end == day("2026-02-20")
    late = make_form(acme, ends_on="2026-03-01")
    with pytest.raises(OrderFormEnded):
        sign_order_form(form=late, signed_name="Alice", by=acme.alice, now=at("2026-03-01"))


def test_what_each_form_is_on_a_day(acme: Acme) -> None:
    make_form(acme, ends_on="2026-06-01")
    acme.signs("2026-03-01", "2026-04-01", on="2026-01-10")

    def statuses(on: str) -> list[str]:
        return [state.status.value for state in form_states(acme.organization, day(on))]

    assert statuses("2026-02-28") == ["upcoming", "awaiting_signature", "in_force"]
    assert statuses("2026-03-01") == ["in_force", "awaiting_signature", "replaced"]
    assert statuses("2026-04-01") == ["ended", "awaiting_signature", "in_force"]
    assert statuses("2026-06-01") == ["ended", "ended", "in_force"]


def test_a_form_that_is_not_signed_sets_no_due_date(acme: Acme) -> None:
    form = make_form(acme)
    OrderForm.objects.filter(pk=form.pk).update(days_until_due=7)
    assert days_until_due(signed_forms(acme.organization), day("2026-03-01")) == 30
    sign_order_form(form=form, signed_name="Alice A.", by=acme.alice, now=NOW)
    assert days_until_due(signed_forms(acme.organization), day("2026-03-01")) == 7


def test_the_other_owners_are_told_who_signed_what(acme: Acme) -> None:
    dora = person("Dora", acme.organization, Role.OWNER)
    form = acme.signs("2026-02-01", on="2026-01-10", discount="12.5", by_model={GROK: Decimal(20)})
    # A signature on paper is no owner's act, so nobody is told of it.
    sign_order_form(form=make_form(acme), signed_name="Alice A.", by=OPERATOR, now=NOW)
    send_due_emails(now=NOW)
    [email] = mail.outbox
    assert email.to == [dora.person.email]
    assert email.subject == "Alice signed an order form for Acme"
    here = f"{acme.organization.public_id}/settings/order-form/forms/{form.public_id}/"
    for text in (
        f"Alice ({acme.alice.person.email}) signed",
        "First day: 2026-02-01 UTC",
        "Last day: none",
        "Discount on list prices: 12.5%",
        f"Discount on {GROK}: 20%",
        here,
    ):
        assert text in email.body
