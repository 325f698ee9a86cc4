"""Purchases, as the API writes and reads them."""

from rest_framework import serializers

from billing.serializers.money import MoneyField
from capacity.models import Purchase
from capacity.serializers.lots import LotSerializer
from common.api.fields import Instant, Reference, StrictSerializer, Text, WholeNumber


class PurchaseSerializer(serializers.Serializer[Purchase]):
    id = serializers.CharField(source="public_id")
    created_at = Instant()
    created_by = Reference()
    model = serializers.CharField(source="snapshot.model")
    project = Reference()
    pool = Reference()
    amount = MoneyField(source="list_amount")
    lots = LotSerializer(many=True)


class UnitsToBuySerializer(StrictSerializer):
    model = Text(max_length=120)
    units = serializers.DictField(
        child=WholeNumber(), help_text="Units by kind: `input` and `output`, or `combined`."
    )
    project = Text(required=False, allow_null=True, help_text="Without it, the default project.")
    pool = Text(required=False, allow_null=True, help_text="Without it, the model's default pool.")
