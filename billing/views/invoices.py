"""Issued and upcoming invoices. Each line links to its charges, each charge to its lot."""

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.views.decorators.http import require_GET

from accounts.access import AccessContext, Permission
from accounts.views.permissions import PageRequest, permission_required
from billing.models import Charge
from billing.queries.invoices import Statement, charges_on, invoices, statement_of
from billing.queries.upcoming_invoice import find_statement, upcoming_invoice
from common.csv import csv_download
from common.decimals import plain
from common.paging import page_of

CSV_HEADER = [
    "charge",
    "posted_on",
    "type",
    "model",
    "kind",
    "lot",
    "project",
    "service_from",
    "service_to",
    "units",
    "price_per_day",
    "amount",
    "currency",
    "discount_percent",
]
"""Amounts are minor units at list prices. Discounts are computed on the sum of a line (R8)."""

ROWS_A_FETCH = 2000


@permission_required(Permission.LIMITS_AND_INVOICES)
@require_GET
def invoices_page(request: PageRequest, access: AccessContext) -> HttpResponse:
    """Show the upcoming invoice and all issued invoices."""
    organization, today = access.organization, access.now.date()
    page = page_of(request, "issued", invoices(organization))
    context = {
        "now": access.now,
        "upcoming": upcoming_invoice(organization, on=today),
        "page": page,
        "statements": [statement_of(invoice, on=today) for invoice in page],
    }
    return render(request, "billing/invoices.html", context)


@permission_required(Permission.LIMITS_AND_INVOICES)
@require_GET
def invoice_page(request: PageRequest, access: AccessContext, invoice_id: str) -> HttpResponse:
    """Show one invoice, which can also be printed."""
    context = {
        "now": access.now,
        "statement": _statement(access, invoice_id),
        "seller": settings.SELLER,
    }
    return render(request, "billing/invoice.html", context)


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
        "charges": page_of(request, "charges", charges_on(access.organization, statement, line)),
    }
    return render(request, "billing/invoice_line.html", context)


@permission_required(Permission.LIMITS_AND_INVOICES)
@require_GET
def charges_csv(_request: PageRequest, access: AccessContext, invoice_id: str) -> HttpResponseBase:
    """Download all charges of an invoice as CSV."""
    statement = _statement(access, invoice_id)
    charges = charges_on(access.organization, statement).select_related("project")
    name = f"invoice-{statement.number}" if statement.number else "upcoming-invoice"
    rows = (_row(charge) for charge in charges.iterator(ROWS_A_FETCH))
    return csv_download(f"{name}-charges", CSV_HEADER, rows)


def _statement(access: AccessContext, invoice_id: str) -> Statement:
    return find_statement(access.organization, invoice_id, on=access.now.date())


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
        charge.service_to,
        charge.units,
        charge.price_per_day,
        charge.amount,
        charge.currency,
        plain(charge.discount_percent),
    )
