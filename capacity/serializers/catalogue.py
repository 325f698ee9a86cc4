"""Models as an organization can buy them today, as the API writes them."""

from rest_framework import serializers

from billing.serializers.money import MoneyField
from capacity.models import Kind
from capacity.queries.catalogue import Listing, Offer
from common.api.fields import Day, DecimalText
from common.api.pagination import PageQuery


class OfferSerializer(serializers.Serializer[Offer]):
    kind = serializers.ChoiceField(choices=Kind.choices)
    tpm = serializers.IntegerField(source="unit.tpm", help_text="Tokens per minute of one unit.")
    price_per_day = MoneyField(
        source="price", allow_null=True, help_text="List price; null where none is in force."
    )
    available = serializers.IntegerField(
        allow_null=True, help_text="Units left to buy; null where supply is not capped."
    )


class ModelSerializer(serializers.Serializer[Listing]):
    id = serializers.CharField(source="snapshot.model")
    name = serializers.CharField(source="snapshot.name")
    provider = serializers.CharField(source="snapshot.provider")
    units = OfferSerializer(source="offers", many=True)
    output_weight = DecimalText(source="snapshot.output_weight", allow_null=True)
    cached_weight = DecimalText(source="snapshot.cached_weight")
    retires_on = Day(source="snapshot.retires_on", allow_null=True)


class ModelQuery(PageQuery):
    model = serializers.CharField(required=False)
