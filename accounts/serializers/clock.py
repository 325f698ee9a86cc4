"""An organization's clock, as the API writes it."""

from rest_framework import serializers

from accounts.models import Organization
from common.api.fields import Instant


class ClockSerializer(serializers.Serializer[Organization]):
    """The organization's time (R1). The clock of a sandbox changes only when it is moved (R13)."""

    now = Instant()
    sandbox = serializers.BooleanField(source="is_sandbox")
