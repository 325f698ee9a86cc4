"""What the list of issued invoices can be searched, filtered and ordered by."""

from datetime import date
from typing import Any, ClassVar

from django.db.models import QuerySet
from django.http import QueryDict

from billing.models import InvoiceStatus
from billing.queries.invoices import invoices_with_status, search_invoices
from common.lists import ListFilters, Ordering, choice


class InvoiceFilters(ListFilters):
    """Issued invoices, by their status on a day."""

    orders: ClassVar[Ordering] = {
        "": ("Newest first", ["-pk"]),
        "oldest": ("Oldest first", ["pk"]),
        "due": ("Due first", ["due_on", "pk"]),
        "total": ("Largest total first", ["-total", "-pk"]),
    }
    searches = "Number, id or model"

    status = choice("Status", "All statuses", InvoiceStatus.choices)

    def __init__(self, name: str, query: QueryDict, *, on: date) -> None:
        self.on = on
        super().__init__(name, query)

    def filter(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        if status := self.value("status"):
            rows = invoices_with_status(rows, InvoiceStatus(status), on=self.on)
        return search_invoices(rows, self.value("q"))
