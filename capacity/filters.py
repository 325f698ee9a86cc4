"""What the lists of capacity's pages can be searched, filtered and ordered by."""

from collections.abc import Callable
from typing import Any, ClassVar

from django.db.models import QuerySet

from capacity.models import ExpiryReason, Kind, PurchaseRequestStatus, TransactionType
from capacity.queries.lots import ending_lots, renewing_lots, search_expiries, search_lots
from capacity.queries.purchase_requests import search_requests
from capacity.queries.transactions import search_transactions
from common.lists import ListFilters, Ordering, choice

NEWEST: Ordering = {"": ("Newest first", ["-pk"]), "oldest": ("Oldest first", ["pk"])}

STATES: dict[str, tuple[str, Callable[[QuerySet[Any]], QuerySet[Any]]]] = {
    "renewing": ("Renewing", renewing_lots),
    "ending": ("Ending", ending_lots),
}


class LotFilters(ListFilters):
    """Active lots."""

    orders: ClassVar[Ordering] = {
        **NEWEST,
        "units": ("Most units first", ["-active_units", "-pk"]),
        "commitment": ("Commitment ends first", ["commitment_ends_on", "pk"]),
    }
    searches = "Lot, purchase, person or project"

    kind = choice("Kind", "All kinds", Kind.choices)
    state = choice(
        "State", "Renewing or ending", [(state, label) for state, (label, _) in STATES.items()]
    )

    def filter(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        rows = _where(rows, "kind", self.value("kind"))
        if state := self.value("state"):
            rows = STATES[state][1](rows)
        return search_lots(rows, self.value("q"))


class ExpiryFilters(ListFilters):
    """Expired tokens."""

    orders: ClassVar[Ordering] = {**NEWEST, "units": ("Most units first", ["-units", "-pk"])}
    searches = "Lot"

    kind = choice("Kind", "All kinds", Kind.choices)
    reason = choice("Reason", "All reasons", ExpiryReason.choices)

    def filter(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        rows = _where(rows, "lot__kind", self.value("kind"))
        rows = _where(rows, "reason", self.value("reason"))
        return search_expiries(rows, self.value("q"))


class TransactionFilters(ListFilters):
    """Prior transactions."""

    orders: ClassVar[Ordering] = NEWEST
    searches = "Lot, person or note"

    type = choice("Type", "All types", TransactionType.choices)
    kind = choice("Kind", "All kinds", Kind.choices)

    def filter(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        for name in ("type", "kind"):
            rows = _where(rows, name, self.value(name))
        return search_transactions(rows, self.value("q"))


class RequestFilters(ListFilters):
    """Purchase requests that are decided."""

    orders: ClassVar[Ordering] = NEWEST
    searches = "Request, model, person or reason"

    status = choice(
        "Status",
        "All statuses",
        [
            pair
            for pair in PurchaseRequestStatus.choices
            if pair[0] != PurchaseRequestStatus.PENDING
        ],
    )

    def filter(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        rows = _where(rows, "status", self.value("status"))
        return search_requests(rows, self.value("q"))


def _where(rows: QuerySet[Any], column: str, value: str) -> QuerySet[Any]:
    return rows.filter(**{column: value}) if value else rows
