"""Spend limits, as the API reads and writes them (R10)."""

from rest_framework import serializers

from billing.models.limits import MAX_ALERT_PERCENT, MAX_ALERTS, default_alerts
from billing.queries.limits import Limits, LimitState
from billing.serializers.invoices import PeriodSerializer
from billing.serializers.money import MoneyField, MoneyInput
from common.api.fields import Reference, StrictSerializer, TrueOrFalse, WholeNumber


class LimitStateSerializer(serializers.Serializer[LimitState]):
    """A limit and what is spent: charges posted in the period, and its renewals to come."""

    amount = MoneyField(source="limit", allow_null=True, help_text="Null: no limit.")
    hard = serializers.BooleanField(
        source="is_hard", help_text="A hard limit refuses what would pass it; a soft one alerts."
    )
    alerts = serializers.ListField(
        child=serializers.IntegerField(), help_text="Percentages at which owners get an email."
    )
    spent = MoneyField()


class ProjectLimitSerializer(LimitStateSerializer):
    project = Reference()


class LimitsSerializer(serializers.Serializer[Limits]):
    """The limits of the present period, at standard rates. Every project is listed."""

    period = PeriodSerializer()
    organization = LimitStateSerializer()
    projects = ProjectLimitSerializer(many=True)


class LimitRequestSerializer(StrictSerializer):
    """`amount` null lifts the limit. One below what is spent already refuses from now on."""

    amount = MoneyInput(allow_null=True)
    hard = TrueOrFalse(default=True)
    alerts = serializers.ListField(
        child=WholeNumber(min_value=1, max_value=MAX_ALERT_PERCENT),
        default=default_alerts,
        max_length=MAX_ALERTS,
    )
