"""Making, using up and revoking API keys."""

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q

from accounts.errors import NotFound
from accounts.models import ApiKey, Organization
from accounts.models.api_key import digest, new_secret
from accounts.operations.audit import Actor, record

HINT_LENGTH = 8
USE_IS_NOTED_EVERY = timedelta(minutes=1)


def create_api_key(
    *, organization: Organization, name: str, by: Actor, now: datetime
) -> tuple[ApiKey, str]:
    """A key that acts as `by`'s user. Returns it with its secret, which cannot be read again."""
    secret = new_secret()
    with transaction.atomic():
        key = ApiKey.objects.create(
            organization=organization,
            user=by.person,
            name=name,
            digest=digest(secret),
            hint=secret[:HINT_LENGTH],
            created_at=now,
        )
        record(
            organization=organization,
            by=by,
            action="api_key.created",
            subject=key.public_id,
            at=now,
            after={"name": name, "hint": key.hint},
        )
    return key, secret


def revoke_api_key(*, organization: Organization, key_id: str, by: Actor, now: datetime) -> None:
    """End a person's own key at once. Raises NotFound for anyone else's."""
    with transaction.atomic():
        key = (
            ApiKey.objects.select_for_update()
            .filter(
                organization=organization,
                user=by.person,
                public_id=key_id,
                revoked_at__isnull=True,
            )
            .first()
        )
        if key is None:
            raise NotFound("There is no such API key.")
        key.revoked_at = now
        key.save(update_fields=["revoked_at"])
        record(
            organization=organization,
            by=by,
            action="api_key.revoked",
            subject=key_id,
            at=now,
            before={"name": key.name, "hint": key.hint},
        )


def note_use(key: ApiKey, *, now: datetime) -> None:
    """Remember roughly when the key was last used, without a write at every request."""
    if key.last_used_at and key.last_used_at >= now - USE_IS_NOTED_EVERY:
        return
    ApiKey.objects.filter(pk=key.pk).filter(
        Q(last_used_at__isnull=True) | Q(last_used_at__lt=now - USE_IS_NOTED_EVERY)
    ).update(last_used_at=now)
