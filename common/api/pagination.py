"""Pages of lists in the API: `{"data": [...], "next": cursor}`, by `?limit=` and `?cursor=`."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from hashlib import sha256
from typing import Any, ClassVar, TypeVar

from django.db.models import QuerySet
from rest_framework import serializers
from rest_framework.fields import empty
from rest_framework.pagination import Cursor, CursorPagination
from rest_framework.request import Request

from common.api.fields import StrictSerializer, WholeNumberText

DEFAULT_LIMIT = 50
MAX_LIMIT = 200

Item = TypeVar("Item")


def cursor_token(position: int, *, list_name: str) -> str:
    """Return a position in a list as an opaque token, which is valid for this list only."""
    token = urlsafe_b64encode(f"{position}.{_checksum(list_name)}".encode())
    return token.decode().rstrip("=")


def _checksum(list_name: str) -> str:
    return sha256(list_name.encode()).hexdigest()[:12]


class CursorField(serializers.CharField):
    """Reads the `next` of the previous page as a position; `context["list"]` names the list."""

    default_error_messages: ClassVar = {"invalid": "This is not the “next” of a page of this list."}

    def run_validation(self, data: Any = empty) -> Any:
        token = super().run_validation(data)
        try:
            text = urlsafe_b64decode(token + "=" * (-len(token) % 4)).decode("ascii")
        except ValueError:
            self.fail("invalid")
        position, _, checksum = text.partition(".")
        is_ours = checksum == _checksum(self.context["list"])
        if not is_ours or not position.isdigit() or len(position) > 18:
            self.fail("invalid")
        return int(position)


class PageQuery(StrictSerializer):
    """The query of a list. Lists with filters add fields."""

    limit = WholeNumberText(min_value=1, max_value=MAX_LIMIT, default=DEFAULT_LIMIT)
    cursor = CursorField(required=False, help_text="The `next` of the previous page.")


class NewestFirst(CursorPagination):
    """Pages of rows by descending primary key, so that every page costs the same.

    Its cursors are tokens, not links, and lead only to the next page.
    """

    ordering = "-pk"

    def __init__(
        self, *, list_name: str = "", limit: int = DEFAULT_LIMIT, after: int | None = None
    ) -> None:
        self.list_name = list_name
        self.page_size = limit
        self.after = after

    def decode_cursor(self, request: Request) -> Cursor | None:
        return None if self.after is None else Cursor(offset=0, reverse=False, position=self.after)

    def encode_cursor(self, cursor: Cursor) -> str:
        return cursor_token(int(cursor.position or 0), list_name=self.list_name)


def newest_first(
    rows: QuerySet[Any], request: Request, *, list_name: str, limit: int, after: int | None
) -> tuple[Sequence[Any], str | None]:
    """Return a page of rows, and the cursor of the next page."""
    paginator = NewestFirst(list_name=list_name, limit=limit, after=after)
    page = paginator.paginate_queryset(rows, request)
    return page or [], paginator.get_next_link()


def in_order(
    items: Sequence[Item], *, list_name: str, limit: int, after: int | None
) -> tuple[Sequence[Item], str | None]:
    """Return a page of a short list, in the order of the list, and the cursor of the next page."""
    end = (after or 0) + limit
    cursor = cursor_token(end, list_name=list_name) if end < len(items) else None
    return items[after or 0 : end], cursor
