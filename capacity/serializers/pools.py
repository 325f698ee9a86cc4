"""Pools, as the API writes and reads them."""

from rest_framework import serializers

from capacity.models import Pool
from common.api.fields import Instant, StrictSerializer, Text


class PoolSerializer(serializers.Serializer[Pool]):
    id = serializers.CharField(source="public_id")
    model = serializers.CharField(source="snapshot.model")
    name = serializers.CharField()
    default = serializers.BooleanField(source="is_default")
    created_at = Instant()


class PoolRequestSerializer(StrictSerializer):
    model = Text(max_length=120)
    name = Text(max_length=120)
