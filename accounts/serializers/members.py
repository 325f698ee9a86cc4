"""Members, as the API shows them."""

from rest_framework import serializers

from accounts.models import Membership, Role
from common.api.fields import Instant


class MemberSerializer(serializers.Serializer[Membership]):
    """A member; `id` is the user's."""

    id = serializers.CharField(source="user.public_id")
    email = serializers.EmailField(source="user.email")
    name = serializers.CharField(source="user.name")
    role = serializers.ChoiceField(choices=Role.choices)
    second_factor = serializers.BooleanField(
        source="has_second_factor", help_text="Signing in takes more than a password."
    )
    joined_at = Instant(source="created_at")
