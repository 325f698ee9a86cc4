"""Making pools: allocations of one snapshot's capacity."""

from datetime import datetime
from functools import partial

from accounts.errors import InvalidRequest, NotFound
from accounts.models import Organization
from accounts.operations.audit import Actor, record
from capacity.models import Pool, Snapshot
from capacity.operations.change import Change, carry_out
from capacity.operations.purchases import default_pool


def create_pool(
    *, organization: Organization, model: str, name: str, by: Actor, now: datetime
) -> Pool:
    """A further pool of a snapshot. Raises NotFound, or InvalidRequest for a name that is taken."""
    step = partial(_create, model=model, name=name)
    return carry_out(step, organization=organization, by=by, now=now)


def _create(change: Change, *, model: str, name: str) -> Pool:
    snapshot = Snapshot.objects.filter(model=model).first()
    if snapshot is None:
        message = f"There is no model “{model}”."
        raise NotFound(message, errors={"model": [message]})
    # The default pool comes first, so that no other can take its name or its place in the order.
    default_pool(change, snapshot)
    pools = Pool.objects.filter(organization=change.organization, snapshot=snapshot)
    if pools.filter(name=name).exists():
        raise InvalidRequest.field("name", f"{snapshot} has a pool “{name}” already.")
    pool = Pool.objects.create(
        organization=change.organization, snapshot=snapshot, name=name, created_at=change.now
    )
    record(
        organization=change.organization,
        by=change.by,
        action="pool.created",
        subject=pool.public_id,
        at=change.now,
        after={"model": model, "name": name},
    )
    return pool
