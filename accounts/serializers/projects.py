"""Projects, as the API writes and reads them."""

from rest_framework import serializers

from accounts.models import Project
from common.api.fields import Instant, StrictSerializer, Text


class ProjectSerializer(serializers.Serializer[Project]):
    id = serializers.CharField(source="public_id")
    name = serializers.CharField()
    default = serializers.BooleanField(source="is_default")
    created_at = Instant()


class ProjectRequestSerializer(StrictSerializer):
    name = Text(max_length=120)
