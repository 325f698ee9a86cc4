"""One window of a pool: its allowance, who used it, when it ran out, and what went over (R14)."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import accumulate

from django.db.models import OuterRef, Subquery

from accounts.models import Organization, Project
from capacity.models import Kind
from capacity.usage.domain.coverage import demands
from capacity.usage.domain.windows import (
    MINUTE,
    MINUTES_OF_WINDOW,
    OPEN_AFTER_END,
    WINDOW,
    closed_until,
)
from capacity.usage.models import ExhaustedWindow, UsageWindow
from capacity.usage.queries.coverage import WindowMinutes, whole_tokens, windows_of_minutes
from capacity.usage.queries.entitlement import Entitlement, entitlement
from capacity.usage.queries.selection import TOKENS, Selection
from capacity.usage.queries.snapshots import UsedPool, UsedSnapshot, used_snapshots
from common.errors import NotFound

SUMS = 4
"""Requests, tokens, covered tokens, and late tokens of a party."""


@dataclass(frozen=True, slots=True)
class Party:
    """Requests of one project to one pool in a window, and their tokens of the shown kind.

    `late` are tokens that came after the close. `pool` is None for the default pool if it was never
    made.
    """

    project: str
    pool: UsedPool | None
    opted_out: bool
    requests: int
    tokens: int
    covered: int
    late: int

    @property
    def account(self) -> int:
        """Return the tokens on the account plan."""
        return self.tokens - self.covered

    @property
    def over(self) -> int:
        """Return the tokens that asked for the allowance and got nothing of it."""
        return self.account - self.late


@dataclass(frozen=True, slots=True)
class MinuteOfWindow:
    """A minute of a window, in weighted tokens; `used` and `over` are sums from its start on."""

    start: datetime
    asked: int
    used: int
    over: int

    @property
    def covered(self) -> int:
        """Return what of the allowance is used up."""
        return self.used - self.over


@dataclass(frozen=True, slots=True)
class Window:
    """A window of a pool, as units of one kind count it.

    `minutes` is None where they are not kept any more, `exhausted` if the allowance was enough.
    The allowance is in weighted tokens.
    """

    snapshot: UsedSnapshot
    pool: UsedPool
    kind: Kind
    start: datetime
    is_open: bool
    allowance: int
    parties: Sequence[Party]
    minutes: Sequence[MinuteOfWindow] | None
    exhausted: ExhaustedWindow | None
    is_due: bool
    """Whether it is due to be closed, so that its figures are not stored yet."""

    @property
    def end(self) -> datetime:
        return self.start + WINDOW

    @property
    def closes_at(self) -> datetime:
        return self.end + OPEN_AFTER_END

    @property
    def is_weighted(self) -> bool:
        """Return whether tokens count other than 1 against the allowance."""
        is_cached_cheaper = self.kind == Kind.INPUT and self.snapshot.cached_weight != 1
        return is_cached_cheaper or self.kind == Kind.COMBINED

    @property
    def in_pool(self) -> list[Party]:
        """Return who asked for the allowance, the most tokens over it first."""
        asked = [party for party in self.parties if self._is_in_pool(party)]
        return sorted(asked, key=lambda party: (-party.over, -party.tokens, party.project))

    @property
    def outside(self) -> list[Party]:
        """Return the other requests to the model: to other pools, and those that opted out."""
        return [party for party in self.parties if not self._is_in_pool(party)]

    @property
    def late(self) -> int:
        """Return the tokens in the pool that came after the close."""
        return sum(party.late for party in self.in_pool)

    def _is_in_pool(self, party: Party) -> bool:
        return party.pool == self.pool and not party.opted_out


def find_window(
    organization: Organization, *, pool_id: str, start: datetime, kind: Kind, now: datetime
) -> Window:
    """Return a window of a pool, by its start. Raises NotFound.

    `now` is the organization's time. A window that has not begun does not exist yet.
    """
    snapshot = next(iter(used_snapshots(organization, pool_id=pool_id).values()), None)
    if snapshot is None:
        raise NotFound(f"There is no pool “{pool_id}”.")
    if start > now:
        raise NotFound("This window has not begun yet.")
    pool = next(pool for pool in snapshot.pools.values() if pool.public_id == pool_id)
    is_open = start >= closed_until(now)
    entitled = entitlement(organization, model=snapshot.model)
    kept = _kept(organization, snapshot, start, entitled)
    uses = (
        _uses_of_minutes(organization, kept, kind)
        if is_open
        else _uses_of_window(organization, snapshot, start, kind)
    )
    is_forgotten = kept is None and bool(uses)
    return Window(
        snapshot=snapshot,
        pool=pool,
        kind=kind,
        start=start,
        is_open=is_open,
        allowance=entitled.allowances(snapshot.pk, start).get(pool.key, {}).get(kind, 0),
        parties=_parties(uses, snapshot),
        minutes=None if is_forgotten else _minutes(kept, pool, kind, start),
        exhausted=_stored(organization, snapshot, pool, start, kind)
        if is_forgotten
        else _computed(organization, kept, pool, kind),
        is_due=not is_open and kept is not None and not uses,
    )


def _kept(
    organization: Organization, snapshot: UsedSnapshot, start: datetime, entitled: Entitlement
) -> WindowMinutes | None:
    windows = windows_of_minutes(
        organization,
        start=start,
        end=start + WINDOW,
        snapshot=snapshot.pk,
        entitled=entitled,
        weights={snapshot.pk: snapshot.weights},
    )
    return next(windows, None)


Uses = Mapping[tuple[str, int, bool], Sequence[int]]
"""Sums by the name of a project, the key of a pool, and whether capacity was declined."""


def _uses_of_minutes(organization: Organization, kept: WindowMinutes | None, kind: Kind) -> Uses:
    sums: defaultdict[tuple[str, int, bool], list[int]] = defaultdict(lambda: [0] * SUMS)
    if kept is None:
        return sums
    keys = {use.project for use in kept.uses}
    projects = Project.objects.filter(organization=organization, pk__in=keys)
    names = dict(projects.values_list("pk", "name"))
    for row, weighted in kept.covered():
        tokens, covered = Selection(kind).tokens(row, weighted)
        group = sums[names[row.use.project], row.use.pool, row.use.opted_out]
        values = (row.use.requests, tokens, covered, 0)
        group[:] = [sum(pair) for pair in zip(group, values, strict=True)]
    return sums


def _uses_of_window(
    organization: Organization, snapshot: UsedSnapshot, start: datetime, kind: Kind
) -> Uses:
    projects = Project.objects.filter(organization=organization, pk=OuterRef("project_id"))
    rows = (
        UsageWindow.objects.filter(organization=organization, snapshot=snapshot.pk, starts_at=start)
        .annotate(project_name=Subquery(projects.values("name")))
        .values_list("project_name", "pool_id", "opted_out", "requests", *TOKENS[kind], *LATE[kind])
    )
    return {
        (project, pool, opted_out): [requests, tokens, covered, sum(late)]
        for project, pool, opted_out, requests, tokens, covered, *late in rows
    }


LATE = {
    Kind.INPUT: ("late_input",),
    Kind.OUTPUT: ("late_output",),
    Kind.COMBINED: ("late_input", "late_output"),
}


def _parties(uses: Uses, snapshot: UsedSnapshot) -> list[Party]:
    parties = [
        Party(project, snapshot.pools.get(pool), opted_out, *sums)
        for (project, pool, opted_out), sums in uses.items()
    ]
    return sorted(parties, key=lambda party: (party.opted_out, -party.tokens, party.project))


def _minutes(
    kept: WindowMinutes | None, pool: UsedPool, kind: Kind, start: datetime
) -> list[MinuteOfWindow]:
    asked_by = demands(kept.uses, kept.allowances, kept.weights) if kept else {}
    in_pool = asked_by.get((pool.key, kind), {})
    starts = [start + number * MINUTE for number in range(MINUTES_OF_WINDOW)]
    asked = [in_pool.get(minute, 0) for minute in starts]
    allowance = kept.allowances.get(pool.key, {}).get(kind, 0) if kept else 0
    return [
        MinuteOfWindow(minute, whole_tokens(of_minute), used, max(0, used - allowance))
        for minute, of_minute, used in zip(
            starts, asked, map(whole_tokens, accumulate(asked)), strict=True
        )
    ]


def _computed(
    organization: Organization, kept: WindowMinutes | None, pool: UsedPool, kind: Kind
) -> ExhaustedWindow | None:
    if kept is None:
        return None
    for found in kept.exhaustions():
        if (found.pool, found.kind) == (pool.key, kind):
            return ExhaustedWindow.of(organization, kept.snapshot, kept.start, found)
    return None


def _stored(
    organization: Organization,
    snapshot: UsedSnapshot,
    pool: UsedPool,
    start: datetime,
    kind: Kind,
) -> ExhaustedWindow | None:
    return ExhaustedWindow.objects.filter(
        organization=organization,
        starts_at=start,
        snapshot=snapshot.pk,
        pool_id=pool.key,
        kind=kind,
    ).first()
