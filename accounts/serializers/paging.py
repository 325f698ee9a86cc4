"""What every list is asked by: `?limit=` and `?cursor=`."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any, ClassVar

from rest_framework import serializers
from rest_framework.fields import empty

from accounts.serializers.fields import StrictSerializer, WholeNumberText

DEFAULT_LIMIT = 50
MAX_LIMIT = 200


def cursor_token(position: int) -> str:
    """A position in a list as an opaque token."""
    return urlsafe_b64encode(str(position).encode()).decode().rstrip("=")


class CursorField(serializers.CharField):
    """The `next` of the page before, read back into the position it stands for."""

    default_error_messages: ClassVar = {"invalid": "This is not the “next” of a page of this list."}

    def run_validation(self, data: Any = empty) -> Any:
        token = super().run_validation(data)
        try:
            position = urlsafe_b64decode(token + "=" * (-len(token) % 4)).decode()
        except ValueError:
            self.fail("invalid")
        if not position.isascii() or not position.isdigit() or len(position) > 18:
            self.fail("invalid")
        return int(position)


class PageQuery(StrictSerializer):
    """The query of a list; those that can be filtered add to it."""

    limit = WholeNumberText(min_value=1, max_value=MAX_LIMIT, default=DEFAULT_LIMIT)
    cursor = CursorField(required=False, help_text="The `next` of the page before.")
