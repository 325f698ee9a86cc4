"""Quotes, as the API writes them."""

from rest_framework import serializers

from billing.queries.limits import LimitEffect
from billing.serializers.money import MoneyField
from capacity.models import Kind
from capacity.queries.cancellations import TpmChange
from capacity.queries.quotes import Quote, QuoteLine
from common.api.fields import Day, Reference
from common.errors import BusinessError


class QuoteLineSerializer(serializers.Serializer[QuoteLine]):
    kind = serializers.ChoiceField(choices=Kind.choices)
    units = serializers.IntegerField()
    tpm_added = serializers.IntegerField()
    price_per_day = MoneyField(source="price")
    days = serializers.IntegerField(help_text="Of the first term.")
    amount = MoneyField()


class TpmChangeSerializer(serializers.Serializer[TpmChange]):
    """Tokens per minute of one kind, in all pools of the model."""

    before = serializers.IntegerField()
    after = serializers.IntegerField()


class RefusalSerializer(serializers.Serializer[BusinessError]):
    code = serializers.CharField()
    detail = serializers.CharField()


class LimitEffectSerializer(serializers.Serializer[LimitEffect]):
    """What a purchase does to a spend limit in the present invoice period, at standard rates."""

    project = Reference(
        source="state.project", allow_null=True, help_text="Null: the organization's limit."
    )
    amount = MoneyField(source="state.limit")
    hard = serializers.BooleanField(source="state.is_hard")
    spent = MoneyField(source="state.spent")
    spent_after = MoneyField()


class QuoteSerializer(serializers.Serializer[Quote]):
    """The dry run of a purchase, at standard rates; negotiated discounts are on the invoice."""

    lines = QuoteLineSerializer(many=True)
    due_now = MoneyField(
        help_text="Charged on the day of purchase, for the first term; nothing is paid at once: it "
        "is on the invoice of `first_term_ends_on`."
    )
    then_per_day = MoneyField(help_text="Charged each day from `first_term_ends_on` on.")
    starts_on = Day(source="term.starts_on")
    first_term_ends_on = Day(source="term.first_term_ends_on")
    commitment_ends_on = Day(source="term.commitment_ends_on")
    tpm = serializers.DictField(child=TpmChangeSerializer(), help_text="By kind.")
    needs_approval = serializers.BooleanField(
        help_text="Whether a second owner has to approve it before it is made."
    )
    limits = LimitEffectSerializer(many=True, help_text="Limits that the purchase counts against.")
    refusals = RefusalSerializer(many=True, help_text="Why a purchase would be refused now.")
