"""Projects, as the API writes and reads them."""

from rest_framework import serializers

from accounts.models import Project
from common.api.fields import Instant, StrictSerializer, Text, TrueOrFalse


class ProjectSerializer(serializers.Serializer[Project]):
    id = serializers.CharField(source="public_id")
    name = serializers.CharField()
    default = serializers.BooleanField(source="is_default")
    archived = serializers.BooleanField(
        source="is_archived", help_text="An archived project takes no purchases."
    )
    created_at = Instant()


class ProjectRequestSerializer(StrictSerializer):
    name = Text(max_length=120)


class ProjectChangeSerializer(StrictSerializer):
    """What is left out stays as it is."""

    name = Text(max_length=120, required=False)
    archived = TrueOrFalse(required=False)
