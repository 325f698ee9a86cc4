"""Moving a sandbox's clock, as the API reads and writes it."""

from rest_framework import serializers

from common.api.fields import Instant, StrictSerializer


class ClockRequestSerializer(StrictSerializer):
    to = Instant(help_text="Not before the present time, on a date at most 31 days away.")


class AdvancedClockSerializer(serializers.Serializer[dict[str, object]]):
    """The new time of the clock, and the result of opening the days on the way."""

    now = Instant(source="organization.now")
    sandbox = serializers.BooleanField(source="organization.is_sandbox")
    days_opened = serializers.IntegerField(source="opened.days")
    charges = serializers.IntegerField(source="opened.charges", help_text="Charges posted.")
    invoices = serializers.IntegerField(source="opened.invoices", help_text="Invoices issued.")
