"""Pages of long lists in HTML pages."""

from typing import Any, TypeVar

from django.core.paginator import Page, Paginator
from django.db.models import IntegerField, Model, QuerySet, Subquery
from django.http import HttpRequest

Row = TypeVar("Row", bound=Model)

ROWS_A_PAGE = 50


class RowCount(Subquery):
    """The number of rows of a query, as a column of another query. PostgreSQL counts them once."""

    template = "(SELECT count(*) FROM (%(subquery)s) counted)"
    output_field = IntegerField()


class _CountedPaginator(Paginator[Any]):
    """A paginator whose number of rows is known."""

    def __init__(self, rows: QuerySet[Any], count: int) -> None:
        super().__init__(rows, ROWS_A_PAGE)
        self.__dict__["count"] = count  # Takes the place of the cached property.


def page_of(request: HttpRequest, name: str, rows: QuerySet[Row]) -> Page[Row]:
    """Return the page of a list with the number in `?name=`, or the nearest page that exists.

    One statement reads the rows of an existing page and the number of all rows.
    """
    wanted = request.GET.get(name, "1")
    if wanted.isdecimal() and 0 < len(wanted) < 10 and int(wanted) > 0:
        number = int(wanted)
        end = number * ROWS_A_PAGE
        counted: QuerySet[Any] = rows.annotate(row_count=RowCount(rows.order_by().values("pk")))
        page = list(counted[end - ROWS_A_PAGE : end])
        if page or number == 1:
            count = page[0].row_count if page else 0
            return Page(page, number, _CountedPaginator(rows, count))
    return Paginator(rows, ROWS_A_PAGE).get_page(wanted)
