"""Long lists, a page at a time."""

from typing import TypeVar

from django.core.paginator import Page, Paginator
from django.db.models import Model, QuerySet
from django.http import HttpRequest

Row = TypeVar("Row", bound=Model)

ROWS_A_PAGE = 50


def page_of(request: HttpRequest, name: str, rows: QuerySet[Row]) -> Page[Row]:
    """The page of a list that `?name=2` asks for; the nearest one if there is none such."""
    return Paginator(rows, ROWS_A_PAGE).get_page(request.GET.get(name))
