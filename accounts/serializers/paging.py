"""What every list is asked by: `?limit=` and `?cursor=`."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from hashlib import sha256
from typing import Any, ClassVar

from rest_framework import serializers
from rest_framework.fields import empty

from accounts.serializers.fields import StrictSerializer, WholeNumberText

DEFAULT_LIMIT = 50
MAX_LIMIT = 200


def cursor_token(position: int, *, of: str) -> str:
    """A position in the list `of` as an opaque token, which no other list takes for its own."""
    return urlsafe_b64encode(f"{position}.{_mark(of)}".encode()).decode().rstrip("=")


def _mark(of: str) -> str:
    return sha256(of.encode()).hexdigest()[:12]


class CursorField(serializers.CharField):
    """The `next` of the page before, read back into the position it stands for."""

    default_error_messages: ClassVar = {"invalid": "This is not the “next” of a page of this list."}

    def run_validation(self, data: Any = empty) -> Any:
        token = super().run_validation(data)
        try:
            said = urlsafe_b64decode(token + "=" * (-len(token) % 4)).decode("ascii")
        except ValueError:
            self.fail("invalid")
        position, _, mark = said.partition(".")
        if mark != _mark(self.context["list"]) or not position.isdigit() or len(position) > 18:
            self.fail("invalid")
        return int(position)


class PageQuery(StrictSerializer):
    """The query of a list; those that can be filtered add to it."""

    limit = WholeNumberText(min_value=1, max_value=MAX_LIMIT, default=DEFAULT_LIMIT)
    cursor = CursorField(required=False, help_text="The `next` of the page before.")
