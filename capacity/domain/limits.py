"""The days on which hard limits will end units, if nothing changes (R10, R22)."""

from collections import defaultdict
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Generic, TypeVar

from billing.domain.limits import HardLimits, Renewal, Room, units_past_limit

Key = TypeVar("Key", bound=Hashable)
Changes = defaultdict[date, defaultdict[int, int]]
"""By how many minor units a day costs more than the day before, by project."""


@dataclass(frozen=True, slots=True)
class PricedUnits:
    """Units that cost `price` minor units each on every service day of `[start, end)`."""

    start: date
    end: date
    units: int
    price: int


@dataclass(frozen=True, slots=True)
class LotPlan(Generic[Key]):
    """The renewals to come of one lot, if no limit ends its units."""

    key: Key
    project: int
    commitment_ends_on: date
    spans: Sequence[PricedUnits]


@dataclass(frozen=True, slots=True)
class LimitEnd(Generic[Key]):
    """Units of a lot that a hard limit will end on a day."""

    key: Key
    on: date
    units: int


def limit_ends(plans: Sequence[LotPlan[Key]], limits: HardLimits) -> list[LimitEnd[Key]]:
    """Return the units that hard limits will end, day by day (R10).

    `plans` are in order of purchase. Each day is like `open_day`: renewals in their commitment
    first, then the others in order, each unit of which counts, whether or not it is refused.
    """
    changes = _daily_changes(plans)
    ended: defaultdict[Key, int] = defaultdict(int)
    ends: list[LimitEnd[Key]] = []
    posted = dict(limits.posted)
    costs: defaultdict[int, int] = defaultdict(int)
    for period in limits.periods:
        for number in range(period.days):
            day = period.start + timedelta(days=number)
            _add(costs, changes.pop(day, {}))
            if not _fits(posted, costs, limits):
                for plan, units in _refused(plans, ended, posted, day, limits):
                    ends.append(LimitEnd(plan.key, day, units))
                    ended[plan.key] += units
                    _add(costs, _end(plan, units, day, changes))
            _add_to(posted, costs)
        posted = {}
    return ends


def _daily_changes(plans: Sequence[LotPlan[Key]]) -> Changes:
    changes: Changes = defaultdict(lambda: defaultdict(int))
    for plan in plans:
        for span in plan.spans:
            changes[span.start][plan.project] += span.units * span.price
            changes[span.end][plan.project] -= span.units * span.price
    return changes


def _add(amounts: defaultdict[int, int], more: Mapping[int, int]) -> None:
    for project, amount in more.items():
        amounts[project] += amount


def _add_to(posted: dict[int, int], costs: Mapping[int, int]) -> None:
    for project, cost in costs.items():
        posted[project] = posted.get(project, 0) + cost


def _end(plan: LotPlan[Key], units: int, day: date, changes: Changes) -> Mapping[int, int]:
    """Take the costs of units from `day` on out of `changes`; return the change of the day itself.

    The units are past their commitment, so all their spans after the day are of the same units.
    """
    today = 0
    for span in plan.spans:
        if span.end <= day:
            continue
        if span.start <= day:
            today -= units * span.price
        else:
            changes[span.start][plan.project] -= units * span.price
        changes[span.end][plan.project] += units * span.price
    return {plan.project: today}


def _fits(posted: Mapping[int, int], costs: Mapping[int, int], limits: HardLimits) -> bool:
    """Return whether all renewals of a day are within the limits."""
    room = _room(posted, limits)
    return (room.organization is None or sum(costs.values()) <= room.organization) and all(
        costs.get(project, 0) <= left for project, left in room.projects.items()
    )


def _room(posted: Mapping[int, int], limits: HardLimits) -> Room:
    whole = limits.organization
    return Room(
        organization=None if whole is None else whole - sum(posted.values()),
        projects={
            project: limit - posted.get(project, 0) for project, limit in limits.projects.items()
        },
    )


def _refused(
    plans: Sequence[LotPlan[Key]],
    ended: Mapping[Key, int],
    posted: Mapping[int, int],
    day: date,
    limits: HardLimits,
) -> list[tuple[LotPlan[Key], int]]:
    """Return the units past their commitment that a limit ends on a day."""
    with_committed = defaultdict(int, posted)
    renewals: list[Renewal[LotPlan[Key]]] = []
    for plan in plans:
        for span in plan.spans:
            if not span.start <= day < span.end:
                continue
            if plan.commitment_ends_on > day:
                with_committed[plan.project] += span.units * span.price
            elif left := span.units - ended.get(plan.key, 0):
                renewals.append(Renewal(plan, plan.project, left, span.price))
    return list(units_past_limit(renewals, _room(with_committed, limits)))
