"""Cancellations, as the API writes and reads them."""

from rest_framework import serializers

from billing.serializers.money import MoneyField
from capacity.models import Cancellation, CancellationStatus
from capacity.queries.cancellations import CancellationQuote
from capacity.serializers.quotes import TpmChangeSerializer
from common.api.fields import (
    Day,
    Instant,
    Reference,
    StrictSerializer,
    WholeNumber,
    WholeNumberText,
)


class CancellationSerializer(serializers.Serializer[Cancellation]):
    id = serializers.CharField(source="public_id")
    lot = Reference()
    units = serializers.IntegerField()
    requested_at = Instant()
    requested_by = Reference()
    ends_on = Day()
    status = serializers.ChoiceField(choices=CancellationStatus.choices)


class CancellationRequestSerializer(StrictSerializer):
    units = WholeNumber()


class CancellationQuoteQuery(StrictSerializer):
    units = WholeNumberText()


class CancellationQuoteSerializer(serializers.Serializer[CancellationQuote]):
    """The dry run of a cancellation, at standard rates."""

    units = serializers.IntegerField(source="terms.units")
    ends_on = Day(source="terms.ends_on")
    last_charged_day = Day(source="terms.last_charged_day")
    remaining_cost = MoneyField(help_text="What the units will still be charged.")
    tpm = TpmChangeSerializer()
