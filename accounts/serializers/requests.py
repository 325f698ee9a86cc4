"""Accounts' part of the API: what can be asked of it."""

from rest_framework import serializers

from accounts.serializers.fields import StrictSerializer, Text


class NamedSerializer(StrictSerializer):
    """Something new of which only the name is known."""

    name = Text(max_length=120)


class PurchaserRequestSerializer(StrictSerializer):
    email = serializers.EmailField(help_text="Of a member.")
