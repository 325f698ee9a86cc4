"""Money, as the API writes it."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from billing.domain.money import Money


@extend_schema_field(
    {
        "type": "object",
        "description": "Integer minor units of a lower-case ISO currency.",
        "properties": {"amount": {"type": "integer"}, "currency": {"type": "string"}},
        "required": ["amount", "currency"],
        "example": {"amount": 12459, "currency": "usd"},
    }
)
class MoneyField(serializers.Field[Money, Money, dict[str, Any], Any]):
    def to_representation(self, value: Money) -> dict[str, Any]:
        return value.document()
