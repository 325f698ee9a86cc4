"""Audit entries, as the API reads and writes them."""

from typing import Any

from rest_framework import serializers

from accounts.models import AuditEntry
from common.api.fields import Day, Instant, Reference
from common.api.pagination import PageQuery


class AuditQuery(PageQuery):
    """Filters of the log. The days `[from, to)` are UTC, by the organization's clock."""

    subject = serializers.CharField(
        required=False,
        max_length=300,
        help_text="Public id of what changed. That of a lot finds its purchase and cancellations "
        "too, that of a person their API keys.",
    )
    action = serializers.CharField(
        required=False, max_length=60, help_text="For example `units.bought`."
    )
    actor = serializers.CharField(
        required=False, max_length=40, help_text="Public id of the person who made the change."
    )

    def get_fields(self) -> dict[str, Any]:
        """Return the fields; `from` is a keyword of Python."""
        since = Day(required=False, help_text="The first day.")
        before = Day(required=False, help_text="The first day left out.")
        return {**super().get_fields(), "from": since, "to": before}


class AuditEntrySerializer(serializers.Serializer[AuditEntry]):
    """One change. `at` is by the organization's clock, `recorded_at` by the real one."""

    id = serializers.CharField(source="public_id")
    at = Instant()
    recorded_at = Instant()
    by = Reference(source="actor", allow_null=True)
    source = serializers.CharField(  # type: ignore[assignment]  # a field that bears this name
        help_text="`page`, `api`, `admin`, `command`, `stripe` or `time`."
    )
    key = Reference(
        source="api_key",
        allow_null=True,
        help_text="The API key that the request came with; null for a browser's session.",
    )
    address = serializers.IPAddressField(allow_null=True)
    action = serializers.CharField()
    subject = serializers.CharField(help_text="Public id of what changed.")
    before = serializers.DictField(allow_null=True)
    after = serializers.DictField(allow_null=True)
