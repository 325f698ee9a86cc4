"""Making pools."""

from datetime import datetime

from accounts.models import Organization
from accounts.operations.audit import Actor
from accounts.operations.changes import Change, organization_change
from capacity.models import Pool, Snapshot
from common.errors import InvalidRequest, NotFound

DEFAULT_POOL_NAME = "Default pool"


def create_pool(
    *, organization: Organization, model: str, name: str, by: Actor, now: datetime
) -> Pool:
    """Make a pool of a snapshot. Raises NotFound, or InvalidRequest for a name that is taken."""
    with organization_change(organization=organization, by=by, now=now) as change:
        snapshot = Snapshot.objects.filter(model=model).first()
        if snapshot is None:
            raise NotFound.field("model", f"There is no model “{model}”.")
        # The default pool is made first, so that no other pool has its name or comes before it.
        get_default_pool(change, snapshot)
        pools = Pool.objects.filter(organization=change.organization, snapshot=snapshot)
        if pools.filter(name=name).exists():
            raise InvalidRequest.field("name", f"{snapshot} has a pool “{name}” already.")
        pool = Pool.objects.create(
            organization=change.organization, snapshot=snapshot, name=name, created_at=change.now
        )
        change.record("pool.created", pool.public_id, after={"model": model, "name": name})
    return pool


def get_default_pool(change: Change, snapshot: Snapshot) -> Pool:
    """Return the snapshot's default pool. The first call makes it."""
    pool, _ = Pool.objects.get_or_create(
        organization=change.organization,
        snapshot=snapshot,
        is_default=True,
        defaults={"name": DEFAULT_POOL_NAME, "created_at": change.now},
    )
    return pool
