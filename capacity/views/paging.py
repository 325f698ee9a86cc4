"""Long lists, a page at a time."""

from typing import Any

from django.core.paginator import Page, Paginator
from django.db.models import QuerySet
from django.http import HttpRequest

ROWS_A_PAGE = 50


def page_of(request: HttpRequest, name: str, rows: QuerySet[Any]) -> Page[Any]:
    """The page of a list that `?name=2` asks for; the nearest one if there is none such."""
    return Paginator(rows, ROWS_A_PAGE).get_page(request.GET.get(name))
