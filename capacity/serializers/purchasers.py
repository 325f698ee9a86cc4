"""Authorized purchasers, as the API writes and reads them (R21)."""

from rest_framework import serializers

from billing.serializers.money import MoneyField, MoneyInput
from capacity.queries.purchasers import Purchaser
from common.api.fields import StrictSerializer


class PurchaserSerializer(serializers.Serializer[Purchaser]):
    """An authorized purchaser; `id` is the user's."""

    id = serializers.CharField(source="user.public_id")
    email = serializers.EmailField(source="user.email")
    name = serializers.CharField(source="user.name")
    limit_per_day = MoneyField(
        allow_null=True, help_text="The most that one purchase may cost per day. Null: no limit."
    )


class PurchaserRequestSerializer(StrictSerializer):
    email = serializers.EmailField(help_text="Of a member.")


class PurchaserLimitRequestSerializer(StrictSerializer):
    limit_per_day = MoneyInput(allow_null=True)
