"""Pools."""

from django.db.models import QuerySet

from accounts.models import Organization
from capacity.models import Pool
from common.errors import NotFound


def pools(organization: Organization, *, model: str | None = None) -> QuerySet[Pool]:
    """Return the pools of the organization, newest first."""
    rows = Pool.objects.filter(organization=organization)
    if model is not None:
        rows = rows.filter(snapshot__model=model)
    return rows.select_related("snapshot").order_by("-pk")


def pools_of_model(organization: Organization, *, model: str) -> list[Pool]:
    """Return the pools of one snapshot: the default pool first, then the oldest first."""
    rows = Pool.objects.filter(organization=organization, snapshot__model=model)
    return list(rows.order_by("-is_default", "pk"))


def find_pool(organization: Organization, pool_id: str) -> Pool:
    """Return one pool. Raises NotFound, which names the field `pool`.

    It raises NotFound for pools of other organizations too (R18).
    """
    pool = Pool.objects.filter(organization=organization, public_id=pool_id).first()
    if pool is None:
        raise NotFound.field("pool", f"There is no pool “{pool_id}”.")
    return pool
