"""Making and revoking API keys."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from django.db import connection, transaction
from django.db.models import Q

from accounts.models import ApiKey, ApiKeyAddress, Organization
from accounts.operations.audit import Actor, record
from accounts.operations.changes import organization_change
from accounts.queries.api_keys import PREFIX, api_keys, find_api_key
from accounts.queries.members import find_member
from accounts.queries.projects import find_open_project
from common.errors import InvalidRequest
from common.tokens import digest, new_signed_token

HINT_LENGTH = 8
MAX_LIVE_KEYS = 50
"""Of one person in one organization. A script that loses its keys must not make them forever."""
LAST_USED_PRECISION = timedelta(minutes=1)
LAST_USES = """
UPDATE accounts_apikey SET last_used_at = used.at
FROM (
    SELECT key.id, used.at
    FROM unnest(%s::text[], %s::timestamptz[]) AS used (public_id, at)
    JOIN accounts_apikey key USING (public_id)
    WHERE last_used_at IS NULL OR last_used_at < used.at - %s * interval '1 second'
    FOR NO KEY UPDATE OF key SKIP LOCKED
) used
WHERE accounts_apikey.id = used.id
"""


class TooManyApiKeys(InvalidRequest):
    """The person has as many keys in this organization as one person may have."""


def create_api_key(
    *,
    organization: Organization,
    name: str,
    project: str | None = None,
    by: Actor,
    now: datetime,
) -> tuple[ApiKey, str]:
    """Make a key that acts as `by`'s user. Returns it with its secret, which is not stored.

    Its requests to the gateway count for the project with the id `project`, or for the default one.
    Raises NotFound for someone who is not a member any more or for an unknown project,
    InvalidRequest for an archived one, TooManyApiKeys for someone who has `MAX_LIVE_KEYS` keys.
    """
    secret = new_signed_token(PREFIX)
    with organization_change(organization=organization, by=by, now=now) as change:
        find_member(change.organization, by.person.public_id)
        if api_keys(change.organization, by.person).count() >= MAX_LIVE_KEYS:
            raise TooManyApiKeys(
                f"You have {MAX_LIVE_KEYS} API keys here, which is the most that one person can "
                "have. Revoke one that is not used any more."
            )
        key = ApiKey.objects.create(
            organization=change.organization,
            user=by.person,
            name=name,
            project=find_open_project(change.organization, project) if project else None,
            digest=digest(secret),
            hint=secret[:HINT_LENGTH],
            created_at=change.now,
        )
        values = {"name": name, "hint": key.hint} | ({"project": project} if project else {})
        change.record("api_key.created", key.public_id, after=values)
    return key, secret


def revoke_api_key(*, organization: Organization, key_id: str, by: Actor, now: datetime) -> None:
    """End a person's own key at once. Raises NotFound for anyone else's."""
    with organization_change(organization=organization, by=by, now=now) as change:
        key = find_api_key(change.organization, by.person, key_id)
        key.revoked_at = change.now
        key.save(update_fields=["revoked_at"])
        change.record("api_key.revoked", key_id, before={"name": key.name, "hint": key.hint})


def record_new_address(key: ApiKey, *, address: str, real_now: datetime) -> None:
    """Record the first use of a key from an address, once, however many requests arrive at once."""
    with transaction.atomic():
        _, is_new = ApiKeyAddress.objects.get_or_create(
            api_key=key, address=address, defaults={"first_used_at": real_now}
        )
        if is_new:
            record(
                organization=key.organization,
                by=Actor("api", key.user, address, key),
                action="api_key.used_from_new_address",
                subject=key.public_id,
                at=key.organization.clock_at or real_now,
                after={"name": key.name, "hint": key.hint},
            )


def update_last_used(key: ApiKey, *, now: datetime) -> None:
    """Note when the key was last used, to the minute: a write at every request costs too much."""
    if key.last_used_at and key.last_used_at >= now - LAST_USED_PRECISION:
        return
    ApiKey.objects.filter(pk=key.pk).filter(
        Q(last_used_at__isnull=True) | Q(last_used_at__lt=now - LAST_USED_PRECISION)
    ).update(last_used_at=now)


def update_last_uses(uses: Mapping[str, datetime]) -> None:
    """Note when keys were last used, by public id, to the minute and only forward.

    A key that somebody else is changing is skipped: to wait for several could be a deadlock.
    """
    with connection.cursor() as cursor:
        precision = LAST_USED_PRECISION.total_seconds()
        cursor.execute(LAST_USES, [list(uses), list(uses.values()), precision])
