"""Orders and cancellations: what is asked for, and what it would cost."""

from rest_framework import serializers

from accounts.errors import Refusal
from accounts.serializers.fields import Day, StrictSerializer, Text, WholeNumber, WholeNumberText
from billing.serializers import MoneyField
from capacity.models import Kind
from capacity.queries.cancellations import CancellationQuote
from capacity.queries.orders import Line, Quote, TpmChange


class OrderRequestSerializer(StrictSerializer):
    model = Text(max_length=120)
    units = serializers.DictField(
        child=WholeNumber(), help_text="Units by kind: `input` and `output`, or `combined`."
    )
    project = Text(required=False, allow_null=True, help_text="Without it, the default project.")
    pool = Text(required=False, allow_null=True, help_text="Without it, the model's default pool.")


class LineSerializer(serializers.Serializer[Line]):
    kind = serializers.ChoiceField(choices=Kind.choices)
    units = serializers.IntegerField()
    tpm_added = serializers.IntegerField()
    price_per_day = MoneyField(source="price")
    days = serializers.IntegerField(help_text="Of the first term.")
    amount = MoneyField()


class TpmChangeSerializer(serializers.Serializer[TpmChange]):
    """Over all pools of the model."""

    before = serializers.IntegerField()
    after = serializers.IntegerField()


class RefusalSerializer(serializers.Serializer[Refusal]):
    code = serializers.CharField()
    detail = serializers.CharField()


class QuoteSerializer(serializers.Serializer[Quote]):
    """The dry run of a purchase, at standard rates; negotiated discounts are on the invoice."""

    lines = LineSerializer(many=True)
    due_now = MoneyField()
    then_per_day = MoneyField()
    starts_on = Day(source="term.starts_on")
    first_term_ends_on = Day(source="term.first_term_ends_on")
    commitment_ends_on = Day(source="term.commitment_ends_on")
    tpm = serializers.DictField(child=TpmChangeSerializer(), help_text="By kind.")
    refusals = RefusalSerializer(many=True, help_text="Why a purchase would be refused now.")


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
