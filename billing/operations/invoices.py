"""Issuing invoices at the rollover of a period (R8)."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from itertools import groupby
from typing import Any

from django.conf import settings
from django.db import connection
from django.db.models import QuerySet
from django.db.models.functions import JSONObject

from accounts.operations.audit import TIME, record_each
from accounts.operations.emails import enqueue_emails
from billing.domain.invoices import InvoiceTotals, invoice_totals
from billing.domain.order_forms import days_until_due
from billing.domain.periods import Period, anchors_starting_on, period_containing
from billing.models import BillingAccount, Invoice, InvoiceLine, InvoicePayment, InvoiceSync
from billing.operations.billing_accounts import assign_invoice_prefix
from billing.queries.billing_details import customer_of
from billing.queries.charges import charge_lines
from billing.queries.order_forms import signed_forms_of
from common.conditions import any_of
from common.instants import midnight


def issue_invoices(*, organizations: Sequence[int], on: date) -> int:
    """Issue the invoice of each period that ended at the start of `on`; return their number (R8).

    `organizations` are primary keys. A period without charges has no invoice. The caller has locked
    the organizations, so invoice numbers have no gaps and need no lock between organizations.
    """
    assert connection.in_atomic_block, "invoices are issued within the opening of a day"
    accounts = (
        BillingAccount.objects.filter(
            any_of("organization", organizations), anchor_day__in=anchors_starting_on(on)
        )
        .select_related("organization__billing_details")
        .order_by("anchor_day", "organization_id")
    )
    issued = 0
    for anchor_day, same_period in groupby(accounts, key=lambda account: account.anchor_day):
        period = period_containing(on - timedelta(days=1), anchor_day=anchor_day)
        issued += _issue(list(same_period), period, on)
    return issued


def _issue(accounts: list[BillingAccount], period: Period, on: date) -> int:
    lines = charge_lines([account.pk for account in accounts], period)
    charged_accounts = [account for account in accounts if account.pk in lines]
    if not charged_accounts:
        return 0
    totals = {account.pk: invoice_totals(lines[account.pk]) for account in charged_accounts}
    forms = signed_forms_of(account.pk for account in charged_accounts)
    for account in charged_accounts:
        if not account.invoice_prefix:  # It is of an earlier version.
            assign_invoice_prefix(account)
        account.last_invoice_number += 1
    BillingAccount.objects.bulk_update(charged_accounts, ["last_invoice_number"])
    invoices = Invoice.objects.bulk_create(
        Invoice(
            organization_id=account.pk,
            number=account.last_invoice_number,
            period_start=period.start,
            period_end=period.end,
            issued_on=on,
            due_on=on + timedelta(days=days_until_due(forms.get(account.pk, []), on)),
            currency=settings.CURRENCY,
            subtotal=totals[account.pk].subtotal,
            discount=totals[account.pk].discount,
            total=totals[account.pk].total,
            billed_to=customer_of(account.organization).document(),
            seller=settings.SELLER,
        )
        for account in charged_accounts
    )
    _create_lines(invoices, totals)
    _create_payments_and_syncs(invoices)
    _enqueue_emails_and_record(invoices, on)
    return len(invoices)


def _create_lines(invoices: list[Invoice], totals: Mapping[int, InvoiceTotals]) -> None:
    InvoiceLine.objects.bulk_create(
        InvoiceLine(
            organization_id=invoice.organization_id,
            invoice=invoice,
            model=line.model,
            kind=line.kind,
            type=line.type,
            price_per_day=line.price_per_day,
            discount_percent=line.discount_percent,
            unit_days=line.unit_days,
            amount=line.amount,
            discount=line.discount,
        )
        for invoice in invoices
        for line in totals[invoice.organization_id].lines
    )


def _create_payments_and_syncs(invoices: list[Invoice]) -> None:
    InvoicePayment.objects.bulk_create(
        InvoicePayment(invoice=invoice, organization_id=invoice.organization_id)
        for invoice in invoices
    )
    InvoiceSync.objects.bulk_create(
        InvoiceSync(invoice=invoice, organization_id=invoice.organization_id)
        for invoice in invoices
    )


def _enqueue_emails_and_record(invoices: list[Invoice], on: date) -> None:
    enqueue_emails(
        kind="invoice_issued",
        about={invoice.organization_id: invoice.public_id for invoice in invoices},
        now=midnight(on),
    )
    issued = Invoice.objects.filter(pk__in=[invoice.pk for invoice in invoices])
    record_each(_audit_columns(issued), by=TIME, action="invoice.issued", at=midnight(on))


def _audit_columns(invoices: QuerySet[Invoice]) -> "QuerySet[Invoice, tuple[Any, ...]]":
    """Return the columns that `record_each` takes: number and total of each invoice."""
    total = JSONObject(amount="total", currency="currency")
    after = JSONObject(number="number", total=total)
    return invoices.order_by("pk").values_list("organization_id", "public_id", after)
