"""Lists on pages: search, filters, order and pages, which are parameters of the page's address.

The list `lots` of a page reads its page from `?lots=2`, and its filters from `?lots-q=`,
`?lots-sort=` and what else it can be filtered by, so each list of a page has its own. What cannot
be understood is ignored, and a sentence above the list says so.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Generic, Self, TypeVar

from django import forms
from django.core.paginator import Page, Paginator
from django.db.models import IntegerField, Model, QuerySet, Subquery
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render

from common.errors import InvalidRequest
from common.fragments import mark_fragment

Row = TypeVar("Row", bound=Model)
Ordering = Mapping[str, tuple[str, Sequence[Any]]]
"""The orders of a list: the label of each, and its arguments of `order_by`.

The one with an empty name is used unless another is chosen.
"""

ROWS_A_PAGE = 50
FEW_ROWS = 5
"""A list of so few rows shows no search and no filters."""


def day(label: str) -> forms.DateField:
    """Return a filter by a day, UTC."""
    return forms.DateField(
        label=label,
        required=False,
        input_formats=["%Y-%m-%d"],
        widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}),
        error_messages={"invalid": f"{label} is a date, YYYY-MM-DD; it is ignored."},
    )


def choice(label: str, every: str, choices: Sequence[tuple[str, Any]]) -> forms.ChoiceField:
    """Return a filter. `every` is the label of the choice that leaves nothing out."""
    return forms.ChoiceField(
        label=label,
        required=False,
        choices=[("", every), *choices],
        error_messages={"invalid_choice": f"{label} is never “%(value)s”; it is ignored."},
    )


class ListFilters(forms.Form):
    """The search, the filters and the order of one list. A subclass adds filters by `choice`."""

    orders: ClassVar[Ordering]
    searches: ClassVar[str]
    """What the search looks into, as the placeholder of its field."""

    q = forms.CharField(
        label="Search",
        required=False,
        max_length=100,
        error_messages={"max_length": "A search has at most 100 characters; it is ignored."},
    )

    def __init__(self, name: str, query: QueryDict, **added: forms.Field) -> None:
        super().__init__(query, prefix=name)
        self.fields.update(added)  # Filters whose choices depend on the list.
        labels = [(value, label) for value, (label, _) in self.orders.items()]
        self.fields["sort"] = forms.ChoiceField(
            label="Order",
            required=False,
            choices=labels,
            error_messages={"invalid_choice": "There is no order “%(value)s”; it is ignored."},
        )
        self.fields["q"].widget = forms.TextInput(attrs={"placeholder": self.searches})
        self.order_fields(self.field_order)
        self.is_valid()

    def clean_q(self) -> str:
        """Return the text to search for: a short id is searched without its ellipsis."""
        return str(self.cleaned_data["q"]).removesuffix("…")

    def filter(self, rows: QuerySet[Row]) -> QuerySet[Row]:
        """Return the rows that match the search and the filters."""
        raise NotImplementedError

    def apply(self, rows: QuerySet[Row]) -> QuerySet[Row]:
        """Return the rows that match, in the chosen order."""
        _, ordering = self.orders[self.value("sort")]
        return self.filter(rows).order_by(*ordering)

    def value(self, name: str) -> str:
        """Return what was chosen or typed; empty if nothing was, or nothing that is valid."""
        return str(self.cleaned_data.get(name) or "")

    @property
    def choices(self) -> list[forms.BoundField]:
        """Return the filters, then the order."""
        names = [name for name in self.fields if name not in {"q", "sort"}]
        return [self[name] for name in (*names, "sort")]

    @property
    def is_filtered(self) -> bool:
        """Return whether rows may be left out."""
        return any(self.value(name) for name in self.fields if name != "sort")

    @property
    def problems(self) -> list[str]:
        return [str(message) for messages in self.errors.values() for message in messages]

    def required(self) -> Self:
        """Return itself if everything was understood. Raises InvalidRequest.

        A download that ignores a filter would have more rows than its reader believes.
        """
        if self.problems:
            raise InvalidRequest(" ".join(self.problems))
        return self


@dataclass(frozen=True, slots=True)
class ListPage(Generic[Row]):
    """One page of a list, with its filters if it has any, and what of its address was ignored."""

    name: str
    page: Page[Row]
    query: QueryDict
    filters: ListFilters | None = None
    problems: Sequence[str] = field(default_factory=list)

    def __iter__(self) -> Iterator[Row]:
        return iter(self.page)

    def __len__(self) -> int:
        return len(self.page)

    @property
    def count(self) -> int:
        """Return the number of rows on all pages."""
        return self.page.paginator.count

    @property
    def is_filtered(self) -> bool:
        return self.filters is not None and self.filters.is_filtered

    @property
    def has_controls(self) -> bool:
        """Return whether the search and the filters are shown."""
        is_used = any(self._is_own(name) for name in self.query)
        return self.filters is not None and (is_used or self.count > FEW_ROWS)

    @property
    def other_parameters(self) -> list[tuple[str, str]]:
        """Return the parameters of the address that are of other lists."""
        return [pair for pair in self._pairs() if not self._is_own(pair[0])]

    @property
    def parameters_but_page(self) -> list[tuple[str, str]]:
        """Return the parameters of the address except the number of this list's page."""
        return [pair for pair in self._pairs() if pair[0] != self.name]

    @property
    def own_query(self) -> str:
        """Return the filters of this list as a query string, for its download."""
        return _encode(pair for pair in self.parameters_but_page if self._is_own(pair[0]))

    @property
    def as_query(self) -> str:
        """Return the query string of the page with its `?`, for actions that lead back to it."""
        return f"?{query}" if (query := _encode(self._pairs())) else ""

    @property
    def cleared_query(self) -> str:
        """Return the query string of the page without this list's search, filters and page."""
        return _encode(self.other_parameters)

    @property
    def previous_query(self) -> str:
        return self._query_of_page(self.page.number - 1)

    @property
    def next_query(self) -> str:
        return self._query_of_page(self.page.number + 1)

    def _query_of_page(self, number: int) -> str:
        return _encode([*self.parameters_but_page, (self.name, str(number))])

    def _is_own(self, name: str) -> bool:
        return name == self.name or name.startswith(f"{self.name}-")

    def _pairs(self) -> list[tuple[str, str]]:
        return [(name, value) for name, values in self.query.lists() for value in values if value]


def list_page(
    request: HttpRequest, name: str, rows: QuerySet[Row], filters: ListFilters | None = None
) -> ListPage[Row]:
    """Return the page of a list that the request asks for, or the nearest page that exists.

    One statement reads the rows of an existing page and the number of all rows.
    """
    page, problems = _page(rows if filters is None else filters.apply(rows), request.GET.get(name))
    if filters is not None:
        problems = [*filters.problems, *problems]
    return ListPage(name, page, request.GET, filters, problems)


def render_lists(
    request: HttpRequest, template: str, context: dict[str, Any], *, status: int = 200
) -> HttpResponse:
    """Render a page with lists. The script takes one of them from it if it asked for one."""
    response = render(request, template, context, status=status)
    target = request.headers.get("HX-Target", "")
    return mark_fragment(response, target) if target.endswith("-list") else response


class RowCount(Subquery):
    """The number of rows of a query, as a column of another query. PostgreSQL counts them once."""

    template = "(SELECT count(*) FROM (%(subquery)s) counted)"
    output_field = IntegerField()


class _CountedPaginator(Paginator[Any]):
    """A paginator whose number of rows is known."""

    def __init__(self, rows: QuerySet[Any], count: int) -> None:
        super().__init__(rows, ROWS_A_PAGE)
        self.__dict__["count"] = count  # Takes the place of the cached property.


def _page(rows: QuerySet[Row], wanted: str | None) -> tuple[Page[Row], list[str]]:
    number, problems = _page_number(wanted or "1"), []
    if number is None:
        number, problems = 1, [f"“{wanted}” is not the number of a page; this is page 1."]
    end = number * ROWS_A_PAGE
    page = _read(rows, end - ROWS_A_PAGE, end)
    if not page and number > 1:
        page = _read(rows.reverse(), 0, ROWS_A_PAGE)
        count = page[0].row_count if page else 0
        number = max(-(-count // ROWS_A_PAGE), 1)
        page = page[: count - (number - 1) * ROWS_A_PAGE][::-1]
        problems = [f"There is no page {wanted}; this is the last one, {number:,}."]
    paginator = _CountedPaginator(rows, page[0].row_count if page else 0)
    return Page(page, number, paginator), problems


def _read(rows: QuerySet[Any], start: int, end: int) -> list[Any]:
    """Return some rows in their order, each with the number of all rows as `row_count`.

    The inner query finds the keys of these rows. What the rows are annotated with is computed for
    them alone, not for all that come before.
    """
    keys = rows.values("pk")[start:end]
    count = RowCount(rows.order_by().values("pk"))
    return list(rows.filter(pk__in=keys).annotate(row_count=count))


def _page_number(text: str) -> int | None:
    """Return a positive number of nine digits at most, or None."""
    is_number = text.isascii() and text.isdecimal() and len(text) < 10
    return int(text) or None if is_number else None


def _encode(pairs: "Iterator[tuple[str, str]] | Sequence[tuple[str, str]]") -> str:
    query = QueryDict(mutable=True)
    for name, value in pairs:
        query.appendlist(name, value)
    return query.urlencode()
