"""Billing details, as the API reads and writes them."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from billing.domain.billing_details import Customer
from billing.models.billing_details import (
    MAX_ADDRESS,
    MAX_ADDRESS_LINES,
    MAX_EMAIL,
    MAX_NAME,
    MAX_PURCHASE_ORDER,
    MAX_TAX_ID,
)
from common.api.fields import StrictSerializer, Text
from common.texts import is_single_line


class Lines(serializers.CharField):
    """A JSON string of several lines, without other control characters."""

    default_error_messages = {
        "control": "Control characters other than line breaks are not allowed here."
    }

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        text = super().to_internal_value(data)
        if not all(map(is_single_line, text.splitlines())):
            self.fail("control")
        return text


@extend_schema_field({"type": "string", "nullable": True})
class TextOrNull(serializers.Field[str, str, str | None, Any]):
    """Writes an empty text as null."""

    def to_representation(self, value: str) -> str | None:
        return value or None


class BillingDetailsSerializer(serializers.Serializer[Customer]):
    """Whom invoices are made out to. All of it is null until somebody enters it."""

    name = TextOrNull()
    address = TextOrNull(help_text="Lines, without the country.")
    country = TextOrNull(help_text="ISO 3166-1, two letters.")
    tax_id = TextOrNull()
    email = TextOrNull(help_text="Gets invoices, besides owners and purchasers.")
    purchase_order = TextOrNull()


class BillingDetailsRequestSerializer(StrictSerializer):
    """All of it is replaced: what is left out or null is removed."""

    name = Text(max_length=MAX_NAME)
    address = Lines(
        max_length=MAX_ADDRESS, help_text=f"Up to {MAX_ADDRESS_LINES} lines, without the country."
    )
    country = Text(min_length=2, max_length=2, help_text="ISO 3166-1, two letters, like US or DE.")
    tax_id = Text(max_length=MAX_TAX_ID, allow_blank=True, allow_null=True, default="")
    email = Text(max_length=MAX_EMAIL, help_text="Gets invoices, besides owners and purchasers.")
    purchase_order = Text(
        max_length=MAX_PURCHASE_ORDER, allow_blank=True, allow_null=True, default=""
    )
