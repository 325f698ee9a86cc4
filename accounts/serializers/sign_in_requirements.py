"""Requirements of signing in, as the API writes and reads them (R24)."""

from rest_framework import serializers

from accounts.models import Organization
from common.api.fields import Instant, StrictSerializer, TrueOrFalse


class SignInRequirementsSerializer(serializers.Serializer[Organization]):
    second_factor = serializers.BooleanField(
        source="requires_second_factor", help_text="An authenticator app or a passkey."
    )
    required_at = Instant(source="second_factor_required_at", allow_null=True)
    keys_refused_from = serializers.DateField(
        allow_null=True,
        help_text="From this day (UTC) on the API keys of members without one are refused.",
    )


class SignInRequirementsRequestSerializer(StrictSerializer):
    second_factor = TrueOrFalse()
