"""An organization's clock, as the API writes it."""

from rest_framework import serializers

from accounts.models import Organization
from common.api.fields import Instant


class ClockSerializer(serializers.Serializer[Organization]):
    """The organization's time (R1). A sandbox's stands still until it is moved (R13)."""

    now = Instant()
    sandbox = serializers.BooleanField(source="is_sandbox")
