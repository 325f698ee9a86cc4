"""Lots, as the API writes them."""

from rest_framework import serializers

from billing.serializers.money import MoneyField
from capacity.models import Cancellation, Expiry, ExpiryReason, Kind, Lot
from capacity.serializers.catalogue import ModelQuery
from common.api.fields import Day, Reference


class CancellingSerializer(serializers.Serializer[Cancellation]):
    units = serializers.IntegerField()
    ends_on = Day()


class ExpiredSerializer(serializers.Serializer[Expiry]):
    units = serializers.IntegerField()
    ended_on = Day()
    reason = serializers.ChoiceField(choices=ExpiryReason.choices)


class LotSerializer(serializers.Serializer[Lot]):
    """`units` is what was bought, `active_units` what is active now."""

    id = serializers.CharField(source="public_id")
    purchase = Reference()
    model = serializers.CharField(source="snapshot.model")
    pool = Reference()
    project = Reference()
    kind = serializers.ChoiceField(choices=Kind.choices)
    units = serializers.IntegerField()
    active_units = serializers.IntegerField()
    cancelling = CancellingSerializer(many=True)
    tpm_per_unit = serializers.IntegerField()
    price_per_day = MoneyField(source="daily_price")
    starts_on = Day()
    charged_until = Day(help_text="The first service day not yet charged.")
    commitment_ends_on = Day()
    expired = ExpiredSerializer(many=True)


class LotQuery(ModelQuery):
    status = serializers.ChoiceField(
        choices=["active", "expired"],
        required=False,
        help_text="`active`: with active units. `expired`: with expired units, if only some.",
    )
    project = serializers.CharField(required=False)
