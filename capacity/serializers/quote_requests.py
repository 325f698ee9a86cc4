"""Quote requests, as the API writes and reads them (R23)."""

from rest_framework import serializers

from billing.serializers.money import MoneyField
from capacity.models import (
    Kind,
    QuoteRequest,
    QuoteRequestLine,
    QuoteRequestStatus,
    RequestedModel,
)
from capacity.models.quote_requests import MAX_NOTE_LENGTH
from capacity.queries.quote_requests import MAX_MODELS, MAX_TPM
from common.api.fields import (
    Instant,
    Paragraphs,
    Reference,
    StrictSerializer,
    Text,
    WholeNumber,
)


class ExpectedTrafficSerializer(StrictSerializer):
    """A model with the tokens per minute that are expected on it; one of them is above 0."""

    model = Text(max_length=120)
    input_tpm = WholeNumber(min_value=0, max_value=MAX_TPM, default=0)
    output_tpm = WholeNumber(min_value=0, max_value=MAX_TPM, default=0)


class QuoteRequestRequestSerializer(StrictSerializer):
    models = serializers.ListField(
        child=ExpectedTrafficSerializer(), min_length=1, max_length=MAX_MODELS
    )
    note = Paragraphs(
        max_length=MAX_NOTE_LENGTH, required=False, allow_blank=True, allow_null=True, default=""
    )


class RequestedModelSerializer(serializers.Serializer[RequestedModel]):
    model = serializers.CharField(source="snapshot.model")
    input_tpm = serializers.IntegerField()
    output_tpm = serializers.IntegerField()


class QuoteRequestLineSerializer(serializers.Serializer[QuoteRequestLine]):
    """The units of one kind that the expected traffic needs."""

    model = serializers.CharField()
    kind = serializers.ChoiceField(choices=Kind.choices)
    units = serializers.IntegerField(help_text="Rounded up.")
    tpm = serializers.IntegerField(help_text="Tokens per minute of all these units.")
    price_per_day = MoneyField(
        source="price",
        allow_null=True,
        help_text="List price of one unit; null where none is in force yet.",
    )


class QuoteRequestSerializer(serializers.Serializer[QuoteRequest]):
    """A request for capacity, with the units and list prices of the day it was made."""

    id = serializers.CharField(source="public_id")
    status = serializers.ChoiceField(choices=QuoteRequestStatus.choices)
    created_at = Instant()
    created_by = Reference()
    models = RequestedModelSerializer(source="requested_models.all", many=True)
    note = serializers.CharField()
    lines = QuoteRequestLineSerializer(many=True)
    per_day = MoneyField(
        allow_null=True, help_text="At standard rates; null where a line has no price yet."
    )
    reply = serializers.CharField(help_text="Our sentence; empty without an answer.")
    replied_at = Instant(allow_null=True)
    withdrawn_at = Instant(allow_null=True)
    order_form = Reference(allow_null=True, help_text="The order form that answers it.")
