"""Charges, as the API writes them."""

from rest_framework import serializers

from billing.models import Charge, ChargeType
from billing.serializers.money import MoneyField
from common.api.fields import Day, DecimalText
from common.api.pagination import PageQuery


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
    amount = MoneyField(source="list_amount")
    discount_percent = DecimalText()


class ChargeQuery(PageQuery):
    lot = serializers.CharField(required=False)
    posted_from = Day(required=False, help_text="The first posting day.")
    posted_to = Day(required=False, help_text="The first posting day left out.")
