"""Issued and upcoming invoices. Each line links to its charges, each charge to its lot."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from django.conf import settings
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.views.decorators.http import require_GET

from accounts.access import AccessContext, Permission
from accounts.views.permissions import PageRequest, permission_required
from billing import pdf
from billing.filters import InvoiceFilters
from billing.models import Charge, Invoice
from billing.queries.billing_details import NOTHING
from billing.queries.invoices import (
    Statement,
    charges_on,
    find_invoice,
    invoices,
    statement_of,
)
from billing.queries.upcoming_invoice import find_statement, upcoming_invoice
from common.csv import ROWS_A_FETCH, csv_download
from common.days import last_day
from common.decimals import plain
from common.lists import list_page, render_lists

CSV_HEADER = [
    "charge",
    "posted_on_utc",
    "type",
    "model",
    "kind",
    "lot",
    "project",
    "service_from_utc",
    "last_service_day_utc",
    "service_days",
    "token_units",
    "price_per_unit_day_minor_units",
    "amount_minor_units",
    "currency",
    "discount_percent",
]
"""Amounts are at list prices. Discounts are computed on the sum of a line (R8)."""

INVOICES_HEADER = [
    "invoice",
    "number",
    "display_number",
    "first_day_of_period_utc",
    "last_day_of_period_utc",
    "issued_on_utc",
    "due_on_utc",
    "status",
    "subtotal_minor_units",
    "discount_minor_units",
    "total_minor_units",
    "currency",
]


@permission_required(Permission.LIMITS_AND_INVOICES)
@require_GET
def invoices_page(request: PageRequest, access: AccessContext) -> HttpResponse:
    """Show the upcoming invoice and all issued invoices."""
    organization, today = access.organization, access.now.date()
    filters = InvoiceFilters("issued", request.GET, on=today)
    issued = list_page(request, "issued", invoices(organization), filters)
    context = {
        "now": access.now,
        # The list does not show whom it is made out to.
        "upcoming": upcoming_invoice(organization, on=today, billed_to=NOTHING),
        "issued": issued,
        "statements": [statement_of(invoice, on=today) for invoice in issued],
    }
    return render_lists(request, "billing/invoices.html", context)


@permission_required(Permission.LIMITS_AND_INVOICES)
@require_GET
def invoices_csv(request: PageRequest, access: AccessContext) -> HttpResponseBase:
    """Download the issued invoices that the filters of the page leave, as CSV."""
    today = access.now.date()
    filters = InvoiceFilters("issued", request.GET, on=today).required()
    issued = filters.apply(invoices(access.organization))
    rows = (_invoice_row(invoice, today) for invoice in issued.iterator(ROWS_A_FETCH))
    return csv_download("invoices", INVOICES_HEADER, rows)


@permission_required(Permission.LIMITS_AND_INVOICES)
@require_GET
def invoice_page(request: PageRequest, access: AccessContext, invoice_id: str) -> HttpResponse:
    """Show one invoice, which can also be printed."""
    context = {
        "now": access.now,
        "statement": _statement(access, invoice_id),
        "support": settings.SUPPORT_EMAIL,
        "can_manage": access.may(Permission.MANAGE),
    }
    return render(request, "billing/invoice.html", context)


@permission_required(Permission.LIMITS_AND_INVOICES)
@require_GET
def invoice_pdf(_request: PageRequest, access: AccessContext, invoice_id: str) -> HttpResponse:
    """Download an issued invoice as PDF. The upcoming invoice has none."""
    invoice = find_invoice(organization=access.organization, invoice_id=invoice_id)
    statement = statement_of(invoice, on=access.now.date())
    name = f"invoice-{statement.display_number}.pdf"
    return HttpResponse(
        pdf.invoice_pdf(statement),
        content_type="application/pdf",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


@permission_required(Permission.LIMITS_AND_INVOICES)
@require_GET
def line_page(
    request: PageRequest, access: AccessContext, invoice_id: str, line_key: str
) -> HttpResponse:
    """Show all charges of one line of an invoice."""
    statement = _statement(access, invoice_id)
    line = statement.line(line_key)
    context = {
        "statement": statement,
        "line": line,
        "charges": list_page(request, "charges", charges_on(access.organization, statement, line)),
    }
    return render_lists(request, "billing/invoice_line.html", context)


@permission_required(Permission.LIMITS_AND_INVOICES)
@require_GET
def charges_csv(_request: PageRequest, access: AccessContext, invoice_id: str) -> HttpResponseBase:
    """Download all charges of an invoice as CSV."""
    statement = _statement(access, invoice_id)
    charges = charges_on(access.organization, statement).select_related("project")
    name = f"invoice-{statement.display_number}" if statement.number else "upcoming-invoice"
    rows = (_row(charge) for charge in charges.iterator(ROWS_A_FETCH))
    return csv_download(f"{name}-charges", CSV_HEADER, rows)


def _statement(access: AccessContext, invoice_id: str) -> Statement:
    return find_statement(access.organization, invoice_id, on=access.now.date())


def _invoice_row(invoice: Invoice, today: date) -> Sequence[Any]:
    return (
        invoice.public_id,
        invoice.number,
        invoice.display_number,
        invoice.period_start,
        last_day(invoice.period_end),
        invoice.issued_on,
        invoice.due_on,
        invoice.status_on(today),
        invoice.subtotal,
        invoice.discount,
        invoice.total,
        invoice.currency,
    )


def _row(charge: Charge) -> Sequence[Any]:
    return (
        charge.public_id,
        charge.posted_on,
        charge.type,
        charge.model,
        charge.kind,
        charge.lot,
        charge.project.name,
        charge.service_from,
        last_day(charge.service_to),
        (charge.service_to - charge.service_from).days,
        charge.units,
        charge.price_per_day,
        charge.amount,
        charge.currency,
        plain(charge.discount_percent),
    )
