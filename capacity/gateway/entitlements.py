"""What the gateway knows of its callers, in memory: keys, projects, pools, allowances and plans.

The values are frozen. `capacity.gateway.loader` replaces those of an organization when the database
says that something changed, all at once between two requests. Nothing here waits, reads a clock or
asks a database.
"""

from bisect import bisect_right
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from capacity.usage.domain.coverage import Weights
from common.tokens import digest


@dataclass(frozen=True, slots=True)
class Plan:
    """The limits of an account plan, on one snapshot (R25)."""

    rpm: int
    """Requests per minute."""
    tpm: int
    """Tokens per minute, input and output together, unweighted."""


@dataclass(frozen=True, slots=True)
class ProjectState:
    public_id: str
    is_archived: bool


@dataclass(frozen=True, slots=True)
class SnapshotState:
    """A model snapshot, and the kinds of units that are sold for it."""

    pk: int
    model: str
    weights: Weights
    tpm: Mapping[str, int]
    """Tokens per minute of one unit as it is sold today, by kind."""
    retires_on: date | None = None

    @property
    def kinds(self) -> frozenset[str]:
        return frozenset(self.tpm)

    def is_retired(self, on: date) -> bool:
        """Return whether the snapshot is retired on a service day."""
        return self.retires_on is not None and self.retires_on <= on


@dataclass(frozen=True, slots=True)
class Step:
    """What a pool allows in each window from a service day on: weighted tokens by kind (R14)."""

    from_on: date
    tokens: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class PoolState:
    """A pool, with its allowance now and after each known end of its units."""

    pk: int
    public_id: str
    snapshot: int
    """Primary key of its snapshot."""
    is_default: bool
    steps: tuple[Step, ...] = ()
    """In the order of their days. The first is in force now; the others begin at known ends."""

    def __hash__(self) -> int:
        return self.pk

    def step(self, on: date) -> Step | None:
        """Return the step that is in force on a service day; None if nothing was ever active."""
        position = bisect_right(self.steps, on, key=lambda step: step.from_on)
        return self.steps[max(0, position - 1)] if self.steps else None

    def allowance(self, on: date) -> Mapping[str, int]:
        """Return the weighted tokens of a window of a service day, by kind; {} without units."""
        step = self.step(on)
        return step.tokens if step else {}

    def holds_until(self, on: date) -> date | None:
        """Return the service day from which another step is in force; None if there is none."""
        return next((step.from_on for step in self.steps if step.from_on > on), None)


@dataclass(frozen=True, slots=True)
class OrganizationState:
    """One organization: its clock, projects, pools and account plans."""

    pk: int
    public_id: str
    clock_at: datetime | None = None
    """The instant at which the clock of a sandbox stands; None: the real time (R13)."""
    default_project: str = ""
    projects: Mapping[str, ProjectState] = field(default_factory=dict)
    """By public id, archived ones included."""
    pools: Mapping[int, tuple[PoolState, ...]] = field(default_factory=dict)
    """By primary key of the snapshot, in the order of R15: the default pool, then as made."""
    plans: Mapping[int, Plan] = field(default_factory=dict)
    """By primary key of the snapshot: only where an operator has set one (R25)."""
    contexts: dict[Any, Any] = field(default_factory=dict, init=False, compare=False, repr=False)
    """What requests that are alike share (`capacity.gateway.requests`), as long as this is true."""

    def pool(self, public_id: str, snapshot: SnapshotState) -> PoolState | None:
        """Return a pool of a snapshot by its id; None for unknown, foreign and wrong ones alike."""
        pools = self.pools.get(snapshot.pk, ())
        return next((pool for pool in pools if pool.public_id == public_id), None)

    def project(self, public_id: str) -> ProjectState | None:
        """Return a project of the organization, archived or not; None for everything else."""
        return self.projects.get(public_id)


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls: an API key that works, and whose requests it makes."""

    key: str
    """Public id of the API key."""
    project: str
    """Public id of the project for which requests count that name no other."""
    organization: OrganizationState
    refused_from: date | None = None
    """Set while the person lacks a second factor that is required (R24): the service day, by the
    organization's clock, from which the key is refused."""

    def is_refused(self, on: date) -> bool:
        """Return whether the key is refused on a service day for want of a second factor (R24)."""
        return self.refused_from is not None and self.refused_from <= on


@dataclass(frozen=True, slots=True)
class KeyState:
    """An API key that works."""

    public_id: str
    project: str
    refused_from: date | None = None


class Entitlements:
    """All that admission needs to know, by key, model and organization.

    `loaded_at` is the monotonic time of the last complete load; None before the first one.
    """

    def __init__(self, default_plan: Plan) -> None:
        self.default_plan = default_plan
        self.loaded_at: float | None = None
        self._snapshots: dict[str, SnapshotState] = {}
        self._callers: dict[str, Caller] = {}
        self._digests: dict[int, frozenset[str]] = {}

    @property
    def organizations(self) -> Collection[int]:
        """Return the primary keys of all organizations."""
        return self._digests.keys()

    @property
    def snapshots(self) -> Iterable[SnapshotState]:
        """Return all model snapshots of the catalogue."""
        return self._snapshots.values()

    def caller(self, secret: str) -> Caller | None:
        """Return who calls with this API key; None if the key does not work.

        A key works until it is revoked, its user is deactivated or the membership ends (R18).
        """
        return self._callers.get(digest(secret))

    def snapshot(self, model: str) -> SnapshotState | None:
        """Return a model snapshot by its id; None if there is none."""
        return self._snapshots.get(model)

    def pools(
        self, organization: OrganizationState, snapshot: SnapshotState
    ) -> tuple[PoolState, ...]:
        """Return the pools in the order in which they are tried (R15)."""
        return organization.pools.get(snapshot.pk, ())

    def plan(self, organization: OrganizationState, snapshot: SnapshotState) -> Plan:
        """Return the limits of the account plan: an operator's, or those of the settings (R25)."""
        return organization.plans.get(snapshot.pk, self.default_plan)

    def replace_snapshots(self, snapshots: Iterable[SnapshotState]) -> None:
        """Replace the whole catalogue."""
        self._snapshots = {snapshot.model: snapshot for snapshot in snapshots}

    def replace_organization(
        self, organization: OrganizationState, keys: Mapping[str, KeyState]
    ) -> None:
        """Replace all that is known of an organization. `keys` are those that work, by digest."""
        for of_secret, key in keys.items():
            self._callers[of_secret] = Caller(
                key.public_id, key.project, organization, key.refused_from
            )
        for of_secret in self._digests.get(organization.pk, frozenset()) - keys.keys():
            del self._callers[of_secret]
        self._digests[organization.pk] = frozenset(keys)

    def forget_organization(self, pk: int) -> None:
        """Forget an organization that is not there any more; its keys work no longer."""
        for of_secret in self._digests.pop(pk, frozenset()):
            del self._callers[of_secret]
