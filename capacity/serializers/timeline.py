"""The timeline, as the API reads and writes it (R22)."""

from typing import Any

from rest_framework import serializers

from capacity.domain.timeline import Step
from capacity.models import Kind
from capacity.queries.timeline import KindTimeline
from common.api.fields import Day, StrictSerializer


class TimelineQuery(StrictSerializer):
    """The days `[from, to)`, UTC. Without them: 90 days either way."""

    model = serializers.CharField(required=False, help_text="Model snapshot id; all without it.")

    def get_fields(self) -> dict[str, Any]:
        """Return the fields; `from` is a keyword of Python."""
        return {**super().get_fields(), "from": Day(required=False), "to": Day(required=False)}


class StepSerializer(serializers.Serializer[Step]):
    """Active from 00:00 UTC of a day until the next step."""

    units = serializers.IntegerField()
    tpm = serializers.IntegerField()

    def get_fields(self) -> dict[str, Any]:
        """Return the fields; `from` is a keyword of Python."""
        return {"from": Day(source="starts_on"), **super().get_fields()}


class KindTimelineSerializer(serializers.Serializer[KindTimeline]):
    model = serializers.CharField()
    kind = serializers.ChoiceField(choices=Kind.choices)
    steps = StepSerializer(many=True, help_text="The first at `from`, then one for each change.")


class TimelineSerializer(serializers.Serializer[Any]):
    """Active units, past and foreseen, if nobody changes anything."""

    kinds = KindTimelineSerializer(many=True)
