"""Prior transactions, as the API writes them."""

from rest_framework import serializers

from capacity.models import Kind, Transaction, TransactionType
from common.api.fields import Instant, Reference


class TransactionSerializer(serializers.Serializer[Transaction]):
    """One event of a lot. `by` is null for an expiry, which no person causes."""

    id = serializers.CharField(source="public_id")
    type = serializers.ChoiceField(choices=TransactionType.choices)
    at = Instant()
    by = Reference(allow_null=True)
    model = serializers.CharField(source="snapshot.model")
    kind = serializers.ChoiceField(choices=Kind.choices)
    units = serializers.IntegerField()
    lot = Reference()
    note = serializers.CharField()
