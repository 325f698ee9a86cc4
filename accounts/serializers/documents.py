"""Accounts' part of the API: what it says."""

from typing import Any

from rest_framework import serializers

from accounts.models import ApiKey, AuditEntry, Membership, Organization, Project
from accounts.serializers.fields import Instant, Reference


class ApiKeySerializer(serializers.Serializer[ApiKey]):
    id = serializers.CharField(source="public_id")
    name = serializers.CharField()
    hint = serializers.CharField(help_text="How the key begins.")
    created_at = Instant()
    last_used_at = Instant(allow_null=True, help_text="To the minute.")


class NewApiKeySerializer(ApiKeySerializer):
    """A key just made: the one time that its secret is shown."""

    key = serializers.CharField(help_text="The secret. It cannot be read again.")

    def to_representation(self, instance: Any) -> dict[str, Any]:
        made, secret = instance
        return {**ApiKeySerializer(made).data, "key": secret}


class PurchaserSerializer(serializers.Serializer[Membership]):
    """An authorized purchaser; `id` is the user's."""

    id = serializers.CharField(source="user.public_id")
    email = serializers.EmailField(source="user.email")
    name = serializers.CharField(source="user.name")


class ProjectSerializer(serializers.Serializer[Project]):
    id = serializers.CharField(source="public_id")
    name = serializers.CharField()
    default = serializers.BooleanField(source="is_default")
    created_at = Instant()


class AuditEntrySerializer(serializers.Serializer[AuditEntry]):
    """One change. `at` is by the organization's clock, `recorded_at` by the real one."""

    id = serializers.CharField(source="public_id")
    at = Instant()
    recorded_at = Instant()
    by = Reference(source="actor", allow_null=True)
    source = serializers.CharField(  # type: ignore[assignment]  # a field that bears this name
        help_text="`page`, `api`, `admin`, `command`, `stripe` or `time`."
    )
    address = serializers.IPAddressField(allow_null=True)
    action = serializers.CharField()
    subject = serializers.CharField(help_text="Public id of what changed.")
    before = serializers.DictField(allow_null=True)
    after = serializers.DictField(allow_null=True)


class ClockSerializer(serializers.Serializer[Organization]):
    """The organization's time (R1). A sandbox's stands still until it is moved (R13)."""

    now = Instant()
    sandbox = serializers.BooleanField(source="is_sandbox")
