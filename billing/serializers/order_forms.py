"""Order forms, as the API writes them, and signatures as it reads them (R23)."""

from rest_framework import serializers

from billing.domain.order_forms import FormStatus
from billing.models import ModelDiscount, OrderFormTermination
from billing.operations.order_forms import MAX_NAME_LENGTH
from billing.queries.order_forms import FormState
from common.api.fields import Day, DecimalText, Instant, Reference, StrictSerializer, Text


class ModelDiscountSerializer(serializers.Serializer[ModelDiscount]):
    model = serializers.CharField()
    discount_percent = DecimalText()


class TerminationSerializer(serializers.Serializer[OrderFormTermination]):
    """An early end, which the seller decided."""

    at = Instant(source="terminated_at")
    reason = serializers.CharField()


class OrderFormSerializer(serializers.Serializer[FormState]):
    """An order form. It is in force on the days `[starts_on, ends_on)` once it is signed."""

    id = serializers.CharField(source="form.public_id")
    status = serializers.ChoiceField(choices=[status.value for status in FormStatus])
    created_at = Instant(source="form.created_at")
    starts_on = Day(source="form.starts_on")
    ends_on = Day(
        source="form.end", allow_null=True, help_text="Null: open. With its termination, if any."
    )
    anchor_day = serializers.IntegerField(
        source="form.anchor_day",
        help_text="Start of invoice periods. That of the first form an organization signs counts.",
    )
    discount_percent = DecimalText(
        source="form.discount_percent", help_text="On every model without a discount of its own."
    )
    model_discounts = ModelDiscountSerializer(source="form.model_discounts.all", many=True)
    days_until_due = serializers.IntegerField(
        source="form.days_until_due", help_text="From an invoice's issue to its due date."
    )
    terms = serializers.CharField(source="form.terms")
    signed_at = Instant(source="form.signed_at", allow_null=True)
    signed_by = Reference(
        source="form.signed_by", allow_null=True, help_text="Null: not signed by a user."
    )
    signed_name = serializers.CharField(source="form.signed_name", help_text="Empty: not signed.")
    termination = TerminationSerializer(source="form.termination", allow_null=True)


class SignatureSerializer(StrictSerializer):
    name = Text(
        max_length=MAX_NAME_LENGTH,
        help_text="Your full name, as you sign with it. It has two letters at least.",
    )
