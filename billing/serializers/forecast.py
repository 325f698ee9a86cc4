"""The forecast, as the API writes it (R22)."""

from rest_framework import serializers

from billing.queries.forecast import ForecastPeriod
from billing.serializers.invoices import InvoiceLineSerializer
from billing.serializers.money import MoneyField
from common.api.fields import Day


class ForecastPeriodSerializer(serializers.Serializer[ForecastPeriod]):
    """The invoice of one period as it will be, `[start, end)` UTC, discounts included."""

    start = Day(source="period.start")
    end = Day(source="period.end", help_text="The first day of the next period.")
    subtotal = MoneyField()
    discount = MoneyField()
    total = MoneyField()
    lines = InvoiceLineSerializer(many=True)


class ForecastSerializer(serializers.Serializer[list[ForecastPeriod]]):
    """The present period and the three after it, if nobody changes anything and all is paid."""

    periods = ForecastPeriodSerializer(many=True)
