"""Authorized purchasers, as the API writes and reads them."""

from rest_framework import serializers

from accounts.models import Membership
from common.api.fields import StrictSerializer


class PurchaserSerializer(serializers.Serializer[Membership]):
    """An authorized purchaser; `id` is the user's."""

    id = serializers.CharField(source="user.public_id")
    email = serializers.EmailField(source="user.email")
    name = serializers.CharField(source="user.name")


class PurchaserRequestSerializer(StrictSerializer):
    email = serializers.EmailField(help_text="Of a member.")
