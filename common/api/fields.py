"""Fields of serializers: how the API reads and writes single values in all apps."""

import re
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, ClassVar, cast

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from common.decimals import plain
from common.instants import rfc3339
from common.texts import is_single_line

INSTANT = (
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?"
    r"([Zz]|[+-][0-9]{2}:[0-9]{2})"
)


class StrictSerializer(serializers.Serializer[Any]):
    """Input that refuses unknown names: a misspelt name must not be ignored."""

    def to_internal_value(self, data: Any) -> Any:
        errors: dict[str, Any] = {}
        if isinstance(data, dict):
            errors = {name: ["There is no such field."] for name in data if name not in self.fields}
        try:
            values = super().to_internal_value(data)
        except serializers.ValidationError as invalid:
            errors |= cast(dict[str, Any], invalid.detail)
        if errors:
            raise serializers.ValidationError(errors)
        return values


class WholeNumber(serializers.IntegerField):
    """A JSON number without a fraction: not `"4"`, not `4.0`, not `true`."""

    def to_internal_value(self, data: Any) -> int:
        if type(data) is not int:
            self.fail("invalid")
        return data


class TrueOrFalse(serializers.BooleanField):
    """A JSON `true` or `false`: not `"true"`, not `1`."""

    def to_internal_value(self, data: Any) -> bool:
        if type(data) is not bool:
            self.fail("invalid", input=data)
        return data


class WholeNumberText(serializers.IntegerField):
    """A whole number in a query string, in the digits 0 to 9."""

    def to_internal_value(self, data: Any) -> int:
        if not re.fullmatch(r"-?[0-9]{1,18}", data):
            self.fail("invalid")
        return int(data)


class Text(serializers.CharField):
    """A JSON string on one line: not `5`, which Django REST Framework would accept as `"5"`."""

    default_error_messages: ClassVar = {"single_line": "Line breaks are not allowed here."}

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        text = super().to_internal_value(data)
        if not is_single_line(text):
            self.fail("single_line")
        return text


class Paragraphs(serializers.CharField):
    """A JSON string that may have line breaks: not `5`, which would be accepted as `"5"`."""

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


class Day(serializers.DateField):
    """A date as `YYYY-MM-DD`. Other formats of ISO 8601 are refused."""

    def to_internal_value(self, value: Any) -> date:
        if not isinstance(value, str) or not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value):
            self.fail("invalid", format="YYYY-MM-DD")
        try:
            return date.fromisoformat(value)
        except ValueError:
            self.fail("invalid", format="YYYY-MM-DD")


class Instant(serializers.DateTimeField):
    """Writes RFC 3339 in UTC with `Z`, to the second. Reads any offset; an offset is required."""

    def to_internal_value(self, value: Any) -> datetime:
        if not isinstance(value, str) or not re.fullmatch(INSTANT, value):
            self.fail("invalid", format="YYYY-MM-DDThh:mm:ssZ")
        try:
            return datetime.fromisoformat(value).astimezone(UTC).replace(microsecond=0)
        except (ValueError, OverflowError):
            self.fail("invalid", format="YYYY-MM-DDThh:mm:ssZ")

    def to_representation(self, value: datetime) -> str:
        return rfc3339(value)


@extend_schema_field(OpenApiTypes.STR)
class DecimalText(serializers.Field[Decimal, Decimal, str, Any]):
    """A percentage or a weight as a decimal without trailing zeros: `"12.5"`, `"1"`."""

    def to_representation(self, value: Decimal) -> str:
        return plain(value)


@extend_schema_field(OpenApiTypes.STR)
class Reference(serializers.Field[Any, Any, str, Any]):
    """Writes another object as its public id."""

    def to_representation(self, value: Any) -> str:
        return str(value.public_id)
