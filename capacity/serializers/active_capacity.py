"""Active capacity, as the API writes it."""

from rest_framework import serializers

from capacity.models import Kind
from capacity.queries.active_capacity import ActiveCapacity


class ActiveCapacitySerializer(serializers.Serializer[ActiveCapacity]):
    """Active units of one kind in one pool."""

    model = serializers.CharField()
    pool = serializers.CharField()
    kind = serializers.ChoiceField(choices=Kind.choices)
    units = serializers.IntegerField()
    tpm = serializers.IntegerField()
