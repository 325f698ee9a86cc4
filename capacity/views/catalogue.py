"""The page of a model, and its lists as CSV."""

from collections.abc import Sequence
from typing import Any

from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.views.decorators.http import require_GET

from accounts.access import AccessContext, Permission
from accounts.views.permissions import PageRequest, permission_required
from capacity.filters import ExpiryFilters, LotFilters, TransactionFilters
from capacity.models import Transaction
from capacity.queries.active_capacity import capacity_of_model
from capacity.queries.catalogue import find_listing
from capacity.queries.lots import expiries, lots_of_model
from capacity.queries.transactions import transactions
from common.csv import ROWS_A_FETCH, csv_download
from common.days import last_day
from common.instants import rfc3339
from common.lists import list_page, render_lists

LOTS_HEADER = [
    "lot",
    "purchase",
    "kind",
    "units_bought",
    "active_units",
    "renewing_units",
    "tokens_per_minute",
    "price_per_day",
    "currency",
    "bought_on",
    "last_day_of_first_term",
    "last_day_of_commitment",
    "last_day_charged",
    "bought_by",
    "project",
]
"""Prices are minor units a unit and day. Days are UTC, the last one included."""

TRANSACTIONS_HEADER = ["transaction", "at", "type", "kind", "units", "lot", "by", "note"]


@permission_required(Permission.SCALE_TIER)
@require_GET
def model_page(request: PageRequest, access: AccessContext, model: str) -> HttpResponse:
    """Show the capacity, lots, expired units and transactions of one snapshot."""
    organization, today, query = access.organization, access.now.date(), request.GET
    listing = find_listing(organization=organization, model=model, on=today)
    lots = lots_of_model(organization, model=model, on=today)
    expired = expiries(organization, model=model)
    history = transactions(organization, model=model)
    context = {
        "now": access.now,
        "today": today,
        "listing": listing,
        "capacity": capacity_of_model(organization, listing=listing, on=today),
        "lots": list_page(request, "lots", lots, LotFilters("lots", query)),
        "expired": list_page(request, "expired", expired, ExpiryFilters("expired", query)),
        "transactions": list_page(
            request, "transactions", history, TransactionFilters("transactions", query)
        ),
        "may_buy": access.may(Permission.BUY),
    }
    return render_lists(request, "capacity/model.html", context)


@permission_required(Permission.SCALE_TIER)
@require_GET
def lots_csv(request: PageRequest, access: AccessContext, model: str) -> HttpResponseBase:
    """Download the active lots that the filters of the page leave, as CSV."""
    organization, today = access.organization, access.now.date()
    find_listing(organization=organization, model=model, on=today)
    filters = LotFilters("lots", request.GET).required()
    lots = filters.apply(lots_of_model(organization, model=model, on=today))
    rows = (_lot_row(lot) for lot in lots.iterator(ROWS_A_FETCH))
    return csv_download(f"{model}-lots", LOTS_HEADER, rows)


@permission_required(Permission.SCALE_TIER)
@require_GET
def transactions_csv(request: PageRequest, access: AccessContext, model: str) -> HttpResponseBase:
    """Download the transactions that the filters of the page leave, as CSV."""
    find_listing(organization=access.organization, model=model, on=access.now.date())
    filters = TransactionFilters("transactions", request.GET).required()
    history = filters.apply(transactions(access.organization, model=model))
    rows = (_transaction_row(transaction) for transaction in history.iterator(ROWS_A_FETCH))
    return csv_download(f"{model}-transactions", TRANSACTIONS_HEADER, rows)


def _lot_row(lot: Any) -> Sequence[Any]:
    return (
        lot.public_id,
        lot.purchase.public_id,
        lot.kind,
        lot.units,
        lot.active_units,
        lot.renewing_units,
        lot.tpm,
        lot.price_today,
        lot.currency,
        lot.starts_on,
        last_day(lot.first_term_ends_on),
        last_day(lot.commitment_ends_on),
        last_day(lot.charged_until),
        lot.purchase.created_by.email,
        lot.project.name,
    )


def _transaction_row(transaction: Transaction) -> Sequence[Any]:
    return (
        transaction.public_id,
        rfc3339(transaction.at),
        transaction.type,
        transaction.kind,
        transaction.units,
        transaction.lot.public_id,
        transaction.by.email if transaction.by else "",
        transaction.note,
    )
