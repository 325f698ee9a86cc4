"""The prefix of an organization's invoice numbers: unique, and fixed by the first invoice."""

import pytest
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.db import DatabaseError, transaction
from django.test import Client

from accounts.models import AuditEntry, Organization
from billing.models import BillingAccount, Invoice
from billing.operations.billing_accounts import set_invoice_prefix
from common.errors import InvalidRequest
from tests.cast import OPERATOR, Acme, at, make_acme

pytestmark = pytest.mark.django_db


def prefix_of(acme: Acme) -> str:
    return BillingAccount.objects.get(organization=acme.organization).invoice_prefix


def set_prefix(acme: Acme, prefix: str) -> None:
    set_invoice_prefix(
        organization=acme.organization, prefix=prefix, by=OPERATOR, now=at("2026-01-10")
    )


def test_organizations_of_one_name_have_prefixes_of_their_own(acme: Acme) -> None:
    prefixes = [prefix_of(acme), *(prefix_of(make_acme()) for _ in range(10))]
    assert prefixes[:9] == ["ACM", *(f"ACM{digit}" for digit in range(2, 10))]
    assert all(prefix.startswith("ACM") and len(prefix) == 8 for prefix in prefixes[9:])
    assert len(set(prefixes)) == len(prefixes)


def test_an_operator_sets_the_prefix_until_there_is_an_invoice(acme: Acme) -> None:
    set_prefix(acme, "NWL")
    other = make_acme()
    for prefix in ("NWL", "nwl", "NW-L", "ABCDEFGHIJKLM", "NWL\n"):
        with pytest.raises(ValidationError, match="prefix"):
            set_prefix(other, prefix)
    acme.buys("2026-01-10", input=1)
    acme.open_days("2026-02-01")
    assert str(Invoice.objects.get()) == "Invoice NWL-0001 of Acme"
    with pytest.raises(InvalidRequest, match="their prefix is fixed"):
        set_prefix(acme, "ACM")
    with pytest.raises(DatabaseError, match="Cannot update"), transaction.atomic():
        BillingAccount.objects.filter(organization=acme.organization).update(invoice_prefix="ACM")
    assert prefix_of(acme) == "NWL"


def test_an_account_of_an_earlier_version_gets_its_prefix_with_the_next_invoice(
    acme: Acme,
) -> None:
    BillingAccount.objects.update(invoice_prefix="", last_invoice_number=0)
    acme.buys("2026-01-10", input=1)
    acme.open_days("2026-02-01")
    assert (
        Invoice.objects.select_related("organization__billing").get().display_number == "ACM-0001"
    )


def test_olga_sets_the_prefix_on_the_page_of_the_account(acme: Acme, olga: Client) -> None:
    Organization.objects.update(is_sandbox=True, clock_at=at("2026-01-10"))
    page = f"/operator/billing/billingaccount/{acme.organization.pk}/change/"
    assert olga.post(page, {"invoice_prefix": "nwl"}).status_code == 200
    assert prefix_of(acme) == "ACM"
    assert olga.post(page, {"invoice_prefix": "NWL"}).status_code == 302
    assert prefix_of(acme) == "NWL"
    assert AuditEntry.objects.latest("pk").after == {"invoice_prefix": "NWL"}
    BillingAccount.objects.update(last_invoice_number=1)
    assert 'name="invoice_prefix"' not in olga.get(page).text


def test_the_command_records_a_payment_by_id_or_number(
    acme: Acme, capsys: pytest.CaptureFixture[str]
) -> None:
    acme.buys("2026-01-10", input=4)
    acme.open_days("2026-03-01")
    Organization.objects.update(is_sandbox=True, clock_at=at("2026-03-01"))
    first, second = Invoice.objects.order_by("number")
    call_command("record_payment", first.public_id)
    assert capsys.readouterr().out == "Invoice ACM-0001 of Acme is paid: $880.00 recorded\n"
    call_command("record_payment", "acm-2")
    assert capsys.readouterr().out == "Invoice ACM-0002 of Acme is paid: $1,120.00 recorded\n"
    call_command("record_payment", "ACM-0002")
    assert capsys.readouterr().out == "Invoice ACM-0002 of Acme was paid already\n"
    assert list(Invoice.objects.values_list("payment__status", flat=True)) == ["paid", "paid"]
    assert AuditEntry.objects.filter(action="invoice.paid", source="command").count() == 2

    second.payment.__class__.objects.update(status="void")
    for invoice, reason in {
        "ACM-0003": "There is no invoice “ACM-0003”",
        "2": "There is no invoice “2”",
        "inv_none": "There is no invoice “inv_none”",
        "ACM-0001": "is void; nothing is owed for it",
    }.items():
        with pytest.raises(CommandError, match=reason) as error:
            call_command("record_payment", invoice)
        assert "\n" not in str(error.value)
