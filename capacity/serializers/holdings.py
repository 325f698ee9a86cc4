"""What an organization holds, and what happened to it."""

from rest_framework import serializers

from accounts.serializers.fields import Day, Instant, Reference, StrictSerializer, Text
from accounts.serializers.paging import PageQuery
from billing.serializers import MoneyField
from capacity.models import (
    Cancellation,
    CancellationStatus,
    Expiry,
    ExpiryReason,
    Kind,
    Lot,
    Pool,
    Purchase,
    Transaction,
    TransactionType,
)
from capacity.queries.holdings import Holding


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


class PurchaseSerializer(serializers.Serializer[Purchase]):
    id = serializers.CharField(source="public_id")
    created_at = Instant()
    created_by = Reference()
    model = serializers.CharField(source="snapshot.model")
    project = Reference()
    pool = Reference()
    amount = MoneyField(source="due")
    lots = LotSerializer(many=True)


class CancellationSerializer(serializers.Serializer[Cancellation]):
    id = serializers.CharField(source="public_id")
    lot = Reference()
    units = serializers.IntegerField()
    requested_at = Instant()
    requested_by = Reference()
    ends_on = Day()
    status = serializers.ChoiceField(choices=CancellationStatus.choices)


class TransactionSerializer(serializers.Serializer[Transaction]):
    """One event in the life of a lot. `by` is null where time did it."""

    id = serializers.CharField(source="public_id")
    type = serializers.ChoiceField(choices=TransactionType.choices)
    at = Instant()
    by = Reference(allow_null=True)
    model = serializers.CharField(source="snapshot.model")
    kind = serializers.ChoiceField(choices=Kind.choices)
    units = serializers.IntegerField()
    lot = Reference()
    note = serializers.CharField()


class HoldingSerializer(serializers.Serializer[Holding]):
    """Units active now, of one kind in one pool."""

    model = serializers.CharField()
    pool = serializers.CharField()
    kind = serializers.ChoiceField(choices=Kind.choices)
    units = serializers.IntegerField()
    tpm = serializers.IntegerField()


class PoolSerializer(serializers.Serializer[Pool]):
    id = serializers.CharField(source="public_id")
    model = serializers.CharField(source="snapshot.model")
    name = serializers.CharField()
    default = serializers.BooleanField(source="is_default")
    created_at = Instant()


class PoolRequestSerializer(StrictSerializer):
    model = Text(max_length=120)
    name = Text(max_length=120)


class OfModelQuery(PageQuery):
    model = serializers.CharField(required=False)


class LotQuery(OfModelQuery):
    status = serializers.ChoiceField(
        choices=["active", "expired"],
        required=False,
        help_text="`active`: with active units. `expired`: with expired units, if only some.",
    )
    project = serializers.CharField(required=False)
