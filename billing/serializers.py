"""Money as the API writes it, and what it says of charges."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.serializers.fields import Day, DecimalText
from accounts.serializers.paging import PageQuery
from billing.domain.money import Money
from billing.models import Charge, ChargeType


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


class ChargeSerializer(serializers.Serializer[Charge]):
    """Units x days of `[service_from, service_to)` x price. The discount shows on the invoice."""

    id = serializers.CharField(source="public_id")
    lot = serializers.CharField()
    model = serializers.CharField()
    kind = serializers.CharField()
    type = serializers.ChoiceField(choices=ChargeType.choices)
    posted_on = Day()
    service_from = Day()
    service_to = Day()
    units = serializers.IntegerField()
    price_per_day = MoneyField(source="daily_price")
    amount = MoneyField(source="due")
    discount_percent = DecimalText()


class ChargeQuery(PageQuery):
    lot = serializers.CharField(required=False)
    posted_from = Day(required=False, help_text="The first posting day.")
    posted_to = Day(required=False, help_text="The first posting day left out.")
