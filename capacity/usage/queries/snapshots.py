"""The snapshots of the catalogue as usage counts them, with an organization's pools of each."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from django.db.models import Exists, FilteredRelation, OuterRef, Q

from accounts.models import Organization
from capacity.models import Kind, Pool, Snapshot, TokenUnit
from capacity.usage.domain.coverage import Weights
from capacity.usage.models import DEFAULT_POOL


@dataclass(frozen=True, slots=True)
class UsedPool:
    """A pool. `key` is what usage calls it: 0 for the default pool of its snapshot."""

    key: int
    public_id: str
    name: str

    @property
    def is_default(self) -> bool:
        return self.key == DEFAULT_POOL


@dataclass(frozen=True, slots=True)
class UsedSnapshot:
    """A snapshot, and the pools of one organization by their key."""

    pk: int
    model: str
    cached_weight: Decimal
    output_weight: Decimal | None
    is_combined: bool
    """Whether combined units of it are sold."""
    pools: dict[int, UsedPool] = field(default_factory=dict)

    @property
    def weights(self) -> tuple[Weights, bool]:
        """Return its weights, and whether combined units of it are sold."""
        return Weights.of(self.cached_weight, self.output_weight), self.is_combined


Snapshots = Mapping[int, UsedSnapshot]
"""Snapshots by primary key, in the order of their ids."""


def used_snapshots(organization: Organization, *, pool_id: str | None = None) -> Snapshots:
    """Return all snapshots with the organization's pools; or only the one of a pool, by its id."""
    own = FilteredRelation("pools", condition=Q(pools__organization=organization))
    rows = Snapshot.objects.annotate(own_pools=own).order_by("model", "own_pools__pk")
    if pool_id is not None:
        pools = Pool.objects.filter(organization=organization, public_id=pool_id)
        rows = rows.filter(pk__in=pools.values("snapshot"))
    combined = TokenUnit.objects.filter(snapshot=OuterRef("pk"), kind=Kind.COMBINED)
    found: dict[int, UsedSnapshot] = {}
    of_pool = ("pk", "is_default", "public_id", "name")
    for pk, *of_snapshot, pool, is_default, public_id, name in rows.values_list(
        "pk",
        "model",
        "cached_weight",
        "output_weight",
        Exists(combined),
        *(f"own_pools__{column}" for column in of_pool),
    ):
        snapshot = found.setdefault(pk, UsedSnapshot(pk, *of_snapshot))
        if pool is not None:
            key = DEFAULT_POOL if is_default else pool
            snapshot.pools[key] = UsedPool(key, public_id, name)
    return found
