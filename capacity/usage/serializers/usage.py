"""Usage and recommendations, as the API reads and writes them."""

from typing import Any

from rest_framework import serializers

from capacity.models import Kind
from capacity.usage.domain.recommendation import CurvePoint
from capacity.usage.queries.recommendations import Peak, Recommendation
from capacity.usage.queries.usage import Bucket, Usage, View
from common.api.fields import DecimalText, Instant, StrictSerializer
from common.api.pagination import PageQuery


class UsageQuery(StrictSerializer):
    """Which usage: 30 days of days, 96 windows, or 15 minutes; the last is the present one."""

    window = serializers.ChoiceField(choices=[view.value for view in View], default=View.DAYS.value)
    model = serializers.CharField(required=False, help_text="Model snapshot id; all without it.")
    kind = serializers.ChoiceField(
        choices=Kind.choices,
        default=Kind.INPUT,
        help_text="`combined`: weighted tokens of snapshots that are sold so.",
    )
    project = serializers.CharField(required=False)


class BucketSerializer(serializers.Serializer[Bucket]):
    """One step, in tokens."""

    start = Instant()
    scale = serializers.IntegerField(help_text="Covered by capacity.")
    account = serializers.IntegerField(help_text="On the account plan.")
    entitlement = serializers.IntegerField(help_text="What units of this kind allow.")
    requests = serializers.IntegerField()


class TotalsSerializer(serializers.Serializer[Any]):
    scale = serializers.IntegerField()
    account = serializers.IntegerField()
    entitlement = serializers.IntegerField()
    requests = serializers.IntegerField()


class UsageSerializer(serializers.Serializer[Usage]):
    """Usage in steps, the oldest first. Windows that are not closed can still change."""

    bucket_seconds = serializers.IntegerField()
    buckets = BucketSerializer(many=True)
    totals = TotalsSerializer()
    as_of = Instant()


class RecommendationQuery(PageQuery):
    """A model is required."""

    model = serializers.CharField(help_text="Model snapshot id.")


class PeakSerializer(serializers.Serializer[Peak]):
    start = Instant(help_text="Start of the window of 15 minutes.")
    tokens = serializers.IntegerField(help_text="Weighted tokens of the window.")


class CurvePointSerializer(serializers.Serializer[CurvePoint]):
    units = serializers.IntegerField()
    token_share = DecimalText(help_text="Of all weighted tokens, from 0 to 1.")
    window_share = DecimalText(help_text="Of all windows with traffic, covered whole.")


class RecommendationSerializer(serializers.Serializer[Recommendation]):
    """Units that would have covered the last 30 days."""

    kind = serializers.ChoiceField(choices=Kind.choices)
    owned = serializers.IntegerField(help_text="Units active now.")
    needed = serializers.IntegerField()
    recommended = serializers.IntegerField(help_text="Needed less owned, not below 0.")
    peak = PeakSerializer(allow_null=True)
    curve = CurvePointSerializer(many=True)
