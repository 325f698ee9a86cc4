"""Issuing invoices at the rollover of a period (R8)."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from itertools import groupby

from django.conf import settings
from django.db import connection

from accounts.models import AuditEntry, Notice
from billing.domain.invoices import Figures, figures
from billing.domain.periods import Period, anchors_starting_on, period_containing
from billing.models import Account, Dispatch, Invoice, InvoiceLine, Settlement
from billing.queries.invoices import charge_lines
from billing.queries.order_forms import days_until_due


def issue_invoices(*, organizations: Sequence[int], on: date) -> int:
    """Issue the invoice of the period that ended with `on`, where one did, and return how many.

    A period without charges has no invoice. The organizations are locked by the caller, which is
    what makes their numbers gapless without any lock shared between organizations.
    """
    assert connection.in_atomic_block, "invoices are issued within the opening of a day"
    accounts = Account.objects.filter(
        organization__in=organizations, anchor_day__in=anchors_starting_on(on)
    ).order_by("anchor_day", "organization_id")
    issued: list[Invoice] = []
    for anchor_day, alike in groupby(accounts, key=lambda account: account.anchor_day):
        ended = period_containing(on - timedelta(days=1), anchor_day=anchor_day)
        issued += _issue(list(alike), ended, on)
    return len(issued)


def _issue(accounts: list[Account], period: Period, on: date) -> list[Invoice]:
    charged = charge_lines([account.pk for account in accounts], period)
    owing = [account for account in accounts if account.pk in charged]
    said = {account.pk: figures(charged[account.pk]) for account in owing}
    due_in = days_until_due(owing, on)
    for account in owing:
        account.last_invoice_number += 1
    Account.objects.bulk_update(owing, ["last_invoice_number"])
    invoices = Invoice.objects.bulk_create(
        Invoice(
            organization_id=account.pk,
            number=account.last_invoice_number,
            period_start=period.start,
            period_end=period.end,
            issued_on=on,
            due_on=on + timedelta(days=due_in[account.pk]),
            currency=settings.CURRENCY,
            subtotal=said[account.pk].subtotal,
            discount=said[account.pk].discount,
            total=said[account.pk].total,
        )
        for account in owing
    )
    _write_lines(invoices, said)
    _follow_up(invoices, on)
    return invoices


def _write_lines(invoices: list[Invoice], said: dict[int, Figures]) -> None:
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
        for line in said[invoice.organization_id].lines
    )


def _follow_up(invoices: list[Invoice], on: date) -> None:
    """What goes with an invoice: its settlement, its way to the provider, its mail, its record."""
    Settlement.objects.bulk_create(
        Settlement(invoice=invoice, organization_id=invoice.organization_id) for invoice in invoices
    )
    Dispatch.objects.bulk_create(
        Dispatch(invoice=invoice, organization_id=invoice.organization_id) for invoice in invoices
    )
    midnight = datetime.combine(on, time.min, UTC)
    Notice.objects.bulk_create(
        Notice(
            organization_id=invoice.organization_id,
            kind="invoice_issued",
            subject=invoice.public_id,
            created_at=midnight,
        )
        for invoice in invoices
    )
    AuditEntry.objects.bulk_create(
        AuditEntry(
            organization_id=invoice.organization_id,
            source="time",
            action="invoice.issued",
            subject=invoice.public_id,
            after={"number": invoice.number, "total": invoice.money(invoice.total).document()},
            at=midnight,
        )
        for invoice in invoices
    )
