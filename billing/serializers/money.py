"""Money, as the API writes it."""

from typing import Any, ClassVar

from django.conf import settings
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from billing.domain.money import MAX_AMOUNT, Money


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


@extend_schema_field(
    {
        "description": "A whole number alone is minor units of the installation's currency.",
        "oneOf": [
            {
                "type": "object",
                "properties": {
                    "amount": {"type": "integer", "minimum": 0, "maximum": MAX_AMOUNT},
                    "currency": {"type": "string", "enum": [settings.CURRENCY]},
                },
                "required": ["amount", "currency"],
                "additionalProperties": False,
            },
            {"type": "integer", "minimum": 0, "maximum": MAX_AMOUNT},
        ],
    }
)
class MoneyInput(serializers.Field[Money, Any, Any, Any]):
    """An amount that a person sets: `{"amount": 12459, "currency": "usd"}`, 0 or more."""

    default_error_messages: ClassVar = {
        "shape": 'Money is written {{"amount": 12459, "currency": "usd"}}, in minor units.',
        "currency": "The currency is {currency}.",
        "range": "The amount is a whole number of minor units from 0 to {maximum}.",
    }

    def to_internal_value(self, data: Any) -> Money:
        if type(data) is int:
            data = {"amount": data, "currency": settings.CURRENCY}
        if not isinstance(data, dict) or set(data) != {"amount", "currency"}:
            self.fail("shape")
        if data["currency"] != settings.CURRENCY:
            self.fail("currency", currency=settings.CURRENCY)
        amount = data["amount"]
        if type(amount) is not int or not 0 <= amount <= MAX_AMOUNT:
            self.fail("range", maximum=MAX_AMOUNT)
        return Money(amount, settings.CURRENCY)
