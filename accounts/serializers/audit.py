"""Audit entries, as the API writes them."""

from rest_framework import serializers

from accounts.models import AuditEntry
from common.api.fields import Instant, Reference


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
