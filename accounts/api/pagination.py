"""Lists, a page at a time: `{"data": [...], "next": cursor | null}`."""

from collections.abc import Sequence
from typing import Any, TypeVar

from django.db.models import QuerySet
from rest_framework.pagination import Cursor, CursorPagination
from rest_framework.request import Request

from accounts.serializers.paging import DEFAULT_LIMIT, cursor_token

Item = TypeVar("Item")


class NewestFirst(CursorPagination):
    """Rows by descending key, so that a page costs the same however far back it is.

    Its cursors are bare tokens, not links, and lead forward only.
    """

    ordering = "-pk"

    def __init__(
        self, *, of: str = "", limit: int = DEFAULT_LIMIT, after: int | None = None
    ) -> None:
        self.of = of
        self.page_size = limit
        self.after = after

    def decode_cursor(self, request: Request) -> Cursor | None:
        return None if self.after is None else Cursor(offset=0, reverse=False, position=self.after)

    def encode_cursor(self, cursor: Cursor) -> str:
        return cursor_token(int(cursor.position or 0), of=self.of)


def newest_first(
    found: QuerySet[Any], request: Request, *, of: str, limit: int, after: int | None
) -> tuple[Sequence[Any], str | None]:
    """A page of rows, and the cursor of the next page."""
    paginator = NewestFirst(of=of, limit=limit, after=after)
    rows = paginator.paginate_queryset(found, request)
    return rows or [], paginator.get_next_link()


def in_order(
    found: Sequence[Item], *, of: str, limit: int, after: int | None
) -> tuple[Sequence[Item], str | None]:
    """A page of a short list that has an order of its own."""
    end = (after or 0) + limit
    return found[after or 0 : end], cursor_token(end, of=of) if end < len(found) else None
