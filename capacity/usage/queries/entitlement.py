"""Entitlement: the tokens per minute of an organization's pools over time (R14)."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import accumulate, pairwise
from typing import Any

from django.db.models import DateTimeField, F, QuerySet, Sum
from django.db.models.expressions import Combinable
from django.db.models.functions import Cast

from accounts.models import Organization
from capacity.models import Expiry, Lot
from capacity.usage.domain.windows import MINUTE, MINUTES_OF_WINDOW, window_of
from capacity.usage.models import DEFAULT_POOL

Holding = tuple[int, int, str]
"""The primary keys of a snapshot and of a pool (0: its default pool), and a kind of unit."""


@dataclass(frozen=True, slots=True)
class Steps:
    """Tokens per minute from each instant on."""

    instants: list[datetime]
    tpm: list[int]

    @classmethod
    def of(cls, changes: Mapping[datetime, int]) -> "Steps":
        """Return the steps of changes, each by so many tokens per minute."""
        instants = sorted(changes)
        return cls(instants, list(accumulate(changes[instant] for instant in instants)))

    def at(self, instant: datetime) -> int:
        """Return the tokens per minute at an instant."""
        position = bisect_right(self.instants, instant)
        return self.tpm[position - 1] if position else 0

    def tokens(self, start: datetime, end: datetime) -> int:
        """Return the tokens of `[start, end)`, whose ends are whole minutes."""
        inner = [instant for instant in self.instants if start < instant < end]
        bounds = [start, *inner, end]
        return sum(self.at(first) * ((last - first) // MINUTE) for first, last in pairwise(bounds))


class Entitlement:
    """What the pools of an organization are entitled to at any time.

    Units count from the start of the window in which they were bought, until they expire.
    """

    def __init__(self, changes: Mapping[Holding, Mapping[datetime, int]]) -> None:
        self.steps = {holding: Steps.of(by_time) for holding, by_time in changes.items()}

    def allowances(self, snapshot: int, window: datetime) -> dict[int, dict[str, int]]:
        """Return the tokens that each pool of a snapshot may use in a window, by kind."""
        allowed: dict[int, dict[str, int]] = {}
        for (of_snapshot, pool, kind), steps in self.steps.items():
            if of_snapshot == snapshot and (tpm := steps.at(window)):
                allowed.setdefault(pool, {})[kind] = tpm * MINUTES_OF_WINDOW
        return allowed

    def of_kind(self, kind: str, snapshots: Container[int]) -> Iterator[Steps]:
        """Yield the steps of every pool of the snapshots that has or had units of the kind."""
        for (snapshot, _pool, of_kind), steps in self.steps.items():
            if of_kind == kind and snapshot in snapshots:
                yield steps


def entitlement(organization: Organization, *, model: str | None = None) -> Entitlement:
    """Return the entitlement of the organization, to all snapshots or to one, by its id."""
    changes: defaultdict[Holding, defaultdict[datetime, int]] = defaultdict(
        lambda: defaultdict(int)
    )
    lots = Lot.objects.filter(organization=organization)
    expiries = Expiry.objects.filter(organization=organization)
    if model is not None:
        lots = lots.filter(snapshot__model=model)
        expiries = expiries.filter(lot__snapshot__model=model)
    bought = _sums(lots, "", F("purchase__created_at"))
    ended_at: Any = Cast("ended_on", DateTimeField())  # At 00:00 in the connection's zone, UTC.
    expired = _sums(expiries, "lot__", ended_at, sign=-1)
    for snapshot, pool, is_default, kind, at, tpm in bought.union(expired, all=True):
        holding = (snapshot, DEFAULT_POOL if is_default else pool, kind)
        changes[holding][window_of(at)] += int(tpm)
    return Entitlement(changes)


def _sums(
    rows: QuerySet[Any, Any], lot: str, time: Combinable, *, sign: int = 1
) -> QuerySet[Any, Any]:
    """Sum tokens per minute; `lot` is the prefix of a lookup from a row to its lot."""
    columns = [f"{lot}snapshot_id", f"{lot}pool_id", f"{lot}pool__is_default", f"{lot}kind"]
    tpm = F("units") * F(f"{lot}tpm_per_unit")
    times = rows.order_by().annotate(changed_at=time).values_list(*columns, "changed_at")
    sums: QuerySet[Any, Any] = times.annotate(total=sign * Sum(tpm))
    return sums
