"""API keys."""

from django.db.models import Exists, OuterRef, Q, QuerySet

from accounts.models import ApiKey, ApiKeyAddress, Membership, Organization, User
from common.errors import NotFound
from common.tokens import digest

PREFIX = "st_"
"""How every key starts."""


def api_keys(organization: Organization, user: User) -> QuerySet[ApiKey]:
    """Return a person's own keys that still work, newest first."""
    own = ApiKey.objects.filter(organization=organization, user=user, revoked_at__isnull=True)
    return own.select_related("project").order_by("-pk")


def search_api_keys(rows: QuerySet[ApiKey], text: str) -> QuerySet[ApiKey]:
    """Return the keys with the text in their name, or in their visible first characters."""
    found = Q(name__icontains=text) | Q(hint__icontains=text)
    return rows.filter(found) if text else rows


def find_api_key(organization: Organization, user: User, key_id: str) -> ApiKey:
    """Return one of the person's own keys. Raises NotFound, for keys of other people too."""
    key = api_keys(organization, user).filter(public_id=key_id).first()
    if key is None:
        raise NotFound("There is no such API key.")
    return key


def find_valid_api_key(secret: str, address: str | None = None) -> ApiKey | None:
    """Return the key with this secret, or None if it does not work.

    Its `is_known_address` says whether it was used from `address` before.
    A key works until it is revoked, its user is deactivated, or its user's membership ends (R18).
    """
    if not secret.startswith(PREFIX):
        return None
    membership = Membership.objects.filter(
        organization=OuterRef("organization"), user=OuterRef("user")
    )
    known_address = ApiKeyAddress.objects.filter(api_key=OuterRef("pk"), address=address)
    key = (
        ApiKey.objects.select_related("organization", "user")
        .filter(Exists(membership), digest=digest(secret), revoked_at__isnull=True)
        .filter(user__is_active=True)
        .annotate(was_used_there=Exists(known_address))
        .first()
    )
    if key is not None:
        key.is_known_address = key.was_used_there
    return key
