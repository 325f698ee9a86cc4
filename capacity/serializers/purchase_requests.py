"""Purchase requests and the approval threshold, as the API reads and writes them (R20)."""

from rest_framework import serializers

from billing.serializers.money import MoneyField, MoneyInput
from capacity.models import PurchaseRequestStatus
from capacity.models.purchase_requests import MAX_REASON_LENGTH
from capacity.queries.purchase_requests import PricedRequest
from common.api.fields import Day, Instant, Reference, StrictSerializer, Text
from common.api.pagination import PageQuery


class PurchaseRequestSerializer(serializers.Serializer[PricedRequest]):
    """A purchase that waits for approval, or waited. It reserves nothing."""

    id = serializers.CharField(source="request.public_id")
    status = serializers.ChoiceField(choices=PurchaseRequestStatus.choices, source="request.status")
    model = serializers.CharField(source="request.snapshot.model")
    units = serializers.DictField(
        source="request.units", child=serializers.IntegerField(), help_text="By kind."
    )
    project = Reference(source="request.project")
    pool = Reference(
        source="request.pool", allow_null=True, help_text="Null: the model's default pool."
    )
    due_now = MoneyField(
        help_text="Charged on the day of approval, at standard rates: as of today while it is "
        "pending, that of the purchase once it is approved, else that of the day of the request."
    )
    then_per_day = MoneyField()
    requested_by = Reference(source="request.requested_by")
    requested_at = Instant(source="request.requested_at")
    lapses_on = Day(source="request.lapses_on", help_text="It lapses when this day opens.")
    decided_by = Reference(source="request.decided_by", allow_null=True)
    decided_at = Instant(source="request.decided_at", allow_null=True)
    reason = serializers.CharField(source="request.reason", help_text="Why it was declined.")
    purchase = Reference(source="request.purchase", allow_null=True)


class PurchaseRequestQuery(PageQuery):
    status = serializers.ChoiceField(choices=PurchaseRequestStatus.choices, required=False)


class ApproveRequestSerializer(StrictSerializer):
    due_now = MoneyInput(help_text="What the approver was shown. Another amount is refused.")


class DeclineRequestSerializer(StrictSerializer):
    reason = Text(max_length=MAX_REASON_LENGTH, default="", allow_blank=True)


class ApprovalSerializer(serializers.Serializer[dict[str, object]]):
    """A purchase that costs more per day, at standard rates, needs a second owner's approval."""

    threshold_per_day = MoneyField(allow_null=True, help_text="Null: no purchase needs approval.")


class ApprovalRequestSerializer(StrictSerializer):
    threshold_per_day = MoneyInput(allow_null=True)
