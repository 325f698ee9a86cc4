"""Invoices, issued and upcoming; each line leads to its charges, and each charge to its lot."""

import csv
from collections.abc import Iterator, Sequence
from typing import Any

from django.conf import settings
from django.db.models import QuerySet
from django.http import HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.views.decorators.http import require_GET

from accounts.access import Permission, Visit
from accounts.views.visiting import PageRequest, visited
from billing.models import Charge
from billing.queries.invoices import invoices
from billing.queries.statements import Statement, charges_on, statement_of
from capacity.queries.upcoming import find_statement, upcoming_statement
from capacity.views.paging import page_of

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
"""Amounts in minor units, at list prices; the discount is taken from the sum of a line (R8)."""

ROWS_A_FETCH = 2000


@visited(Permission.LIMITS_AND_INVOICES)
@require_GET
def invoices_page(request: PageRequest, visit: Visit) -> HttpResponse:
    """What is coming, and everything that was issued."""
    organization, today = visit.organization, visit.now.date()
    page = page_of(request, "issued", invoices(organization))
    context = {
        "now": visit.now,
        "upcoming": upcoming_statement(organization, on=today),
        "page": page,
        "statements": [statement_of(invoice, on=today) for invoice in page],
    }
    return render(request, "capacity/invoices.html", context)


@visited(Permission.LIMITS_AND_INVOICES)
@require_GET
def invoice_page(request: PageRequest, visit: Visit, invoice_id: str) -> HttpResponse:
    """One invoice as a document, on the screen and on paper."""
    context = {
        "now": visit.now,
        "statement": _statement(visit, invoice_id),
        "seller": settings.SELLER,
    }
    return render(request, "capacity/invoice.html", context)


@visited(Permission.LIMITS_AND_INVOICES)
@require_GET
def line_page(request: PageRequest, visit: Visit, invoice_id: str, line_key: str) -> HttpResponse:
    """Why was I charged this? Every charge that a line adds up."""
    statement = _statement(visit, invoice_id)
    line = statement.line(line_key)
    charged = charges_on(visit.organization, statement, line)
    context = {
        "statement": statement,
        "line": line,
        "charges": page_of(request, "charges", charged),
    }
    return render(request, "capacity/invoice_line.html", context)


@visited(Permission.LIMITS_AND_INVOICES)
@require_GET
def charges_csv(_request: PageRequest, visit: Visit, invoice_id: str) -> HttpResponseBase:
    """Every charge of an invoice, row by row as the database yields them."""
    statement = _statement(visit, invoice_id)
    charged = charges_on(visit.organization, statement).select_related("project")
    name = f"invoice-{statement.number}" if statement.number else "upcoming-invoice"
    return StreamingHttpResponse(
        _csv(charged),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}-charges.csv"'},
    )


def _statement(visit: Visit, invoice_id: str) -> Statement:
    return find_statement(visit.organization, invoice_id, on=visit.now.date())


class _Echo:
    """A file for `csv.writer` that hands each row straight back."""

    def write(self, row: str) -> str:
        return row


def _csv(charged: QuerySet[Charge]) -> Iterator[str]:
    writer = csv.writer(_Echo())
    yield writer.writerow(CSV_HEADER)
    for charge in charged.iterator(ROWS_A_FETCH):
        yield writer.writerow([_inert(value) for value in _row(charge)])


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
        f"{charge.discount_percent.normalize():f}",
    )


def _inert(value: Any) -> Any:
    """Text that a spreadsheet would take for a formula is given an apostrophe before it."""
    if isinstance(value, str) and value.lstrip().startswith(("=", "+", "-", "@")):
        return f"'{value}"
    return value
