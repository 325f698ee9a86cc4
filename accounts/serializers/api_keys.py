"""API keys, as the API writes and reads them."""

from typing import Any

from rest_framework import serializers

from accounts.models import ApiKey
from common.api.fields import Instant, StrictSerializer, Text


class ApiKeySerializer(serializers.Serializer[ApiKey]):
    id = serializers.CharField(source="public_id")
    name = serializers.CharField()
    project = serializers.CharField(
        source="project.public_id",
        default=None,
        allow_null=True,
        help_text="For which its requests to the gateway count; null: the default project.",
    )
    hint = serializers.CharField(help_text="The first characters of the key.")
    created_at = Instant()
    last_used_at = Instant(allow_null=True, help_text="To the minute.")


class NewApiKeySerializer(ApiKeySerializer):
    """A new key with its secret, which is shown only in this response."""

    key = serializers.CharField(help_text="The secret. It cannot be read again.")

    def to_representation(self, instance: Any) -> dict[str, Any]:
        key, secret = instance
        return {**ApiKeySerializer(key).data, "key": secret}


class ApiKeyRequestSerializer(StrictSerializer):
    name = Text(max_length=120)
    project = Text(
        max_length=40,
        required=False,
        help_text="Its requests to the gateway count for it. Default: the default project.",
    )
