"""Requests to the gateway, as the API shows them."""

from typing import Any

from rest_framework import serializers

from capacity.gateway.decisions import Reason, Refusal, Served
from capacity.models import GatewayRequest, GatewayRequestStatus, Kind
from common.api.fields import Instant


class WindowSerializer(serializers.Serializer[Any]):
    """A window as the decision found it, in whole weighted tokens."""

    pool = serializers.CharField()
    kind = serializers.ChoiceField(choices=Kind.choices)
    limit = serializers.IntegerField()
    used = serializers.IntegerField(help_text="Before this request; what was reserved is used.")


class _OrNone(serializers.ChoiceField):
    """A choice; an empty one is null."""

    def __init__(self, choices: Any, **kwargs: Any) -> None:
        super().__init__(choices=choices, allow_null=True, **kwargs)

    def to_representation(self, value: Any) -> Any:
        return value or None


class GatewayRequestSerializer(serializers.Serializer[GatewayRequest]):
    """One request, with the numbers that its admission was decided on (R15)."""

    id = serializers.CharField(source="request_id")
    at = Instant(help_text="When it was admitted, by the organization's clock.")
    model = serializers.CharField()
    project = serializers.CharField()
    key = serializers.CharField()
    pool = serializers.SerializerMethodField(help_text="In which it counts.")
    status = serializers.ChoiceField(
        choices=GatewayRequestStatus.choices,
        help_text="open: it is being served. lapsed: its gateway stopped before it ended.",
    )
    served = serializers.ChoiceField(choices=[served.value for served in Served])
    reason = _OrNone([reason.value for reason in Reason], help_text="Why not from capacity.")
    refusal = _OrNone(
        [refusal.value for refusal in Refusal], help_text="Why the account plan had no room."
    )
    estimate = serializers.DictField(child=serializers.IntegerField(), help_text="Tokens by kind.")
    actual = serializers.DictField(
        child=serializers.IntegerField(),
        allow_null=True,
        help_text="Tokens by kind; null while it is open, if it lapsed, and if nothing reached the "
        "model.",
    )
    windows = WindowSerializer(many=True)

    def get_pool(self, request: GatewayRequest) -> str | None:
        return request.pool or None
