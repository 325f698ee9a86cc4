"""Money as the API writes it, and what it says of charges and invoices."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.serializers.fields import Day, DecimalText
from accounts.serializers.paging import PageQuery
from billing.domain.money import Money
from billing.domain.periods import Period
from billing.models import Charge, ChargeType
from billing.queries.statements import Statement, StatementLine


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


class PeriodSerializer(serializers.Serializer[Period]):
    """`[start, end)`, UTC."""

    start = Day()
    end = Day(help_text="The first day of the next period.")


class InvoiceLineSerializer(serializers.Serializer[StatementLine]):
    """Charges alike in model, kind, type, price and discount."""

    model = serializers.CharField()
    kind = serializers.CharField()
    type = serializers.ChoiceField(choices=ChargeType.choices)
    price_per_day = MoneyField(help_text="List price of one unit a service day.")
    discount_percent = DecimalText()
    unit_days = serializers.IntegerField(help_text="Units x service days.")
    amount = MoneyField(help_text="At the list price.")
    discount = MoneyField()


INVOICE_STATUSES = ["open", "paid", "overdue", "void"]


class InvoiceSerializer(serializers.Serializer[Statement]):
    """Exactly the charges posted in its period. `total` is `subtotal` less `discount`."""

    id = serializers.CharField()
    number = serializers.IntegerField(help_text="1, 2, 3 … without a gap.")
    status = serializers.ChoiceField(choices=INVOICE_STATUSES)
    period = PeriodSerializer()
    issued_on = Day()
    due_on = Day()
    subtotal = MoneyField()
    discount = MoneyField()
    total = MoneyField()
    lines = InvoiceLineSerializer(many=True)


class UpcomingInvoiceSerializer(InvoiceSerializer):
    """The present period so far: open, for charges still come to it."""

    id = serializers.CharField(allow_null=True, help_text="Null: it is not issued yet.")
    number = serializers.IntegerField(allow_null=True)
    issued_on = Day(help_text="When it will be issued: the end of the period.")
    projected_total = MoneyField(help_text="What it will come to if nothing changes.")
