"""Spend limits: the room that is left, renewals past it, and thresholds that are reached (R10)."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from billing.domain.periods import Period

Key = TypeVar("Key")


@dataclass(frozen=True, slots=True)
class Room:
    """What may still be posted in a period, in minor units: in all, and by project. None: no limit.

    It is negative if more is posted than a limit allows.
    """

    organization: int | None
    projects: Mapping[int, int]


@dataclass(frozen=True, slots=True)
class HardLimits:
    """The hard limits of an organization in coming periods, in minor units.

    `organization` None is no limit of its own; `projects` are limits by primary key. `posted` is
    what the first of the `periods` has charged already, by primary key of the project.
    """

    organization: int | None
    projects: Mapping[int, int]
    posted: Mapping[int, int]
    periods: Sequence[Period]


@dataclass(frozen=True, slots=True)
class Renewal(Generic[Key]):
    """One day of a lot past its commitment. `project` is a primary key.

    `price` is minor units for one unit.
    """

    key: Key
    project: int
    units: int
    price: int


def units_past_limit(renewals: Iterable[Renewal[Key]], room: Room) -> Iterator[tuple[Key, int]]:
    """Yield the lots of which hard limits refuse units on one day, with the units refused (R10).

    Lots come in order of purchase. Each unit counts, whether or not it is refused; it is refused if
    it takes the organization's or its project's total past the limit.
    """
    total = 0
    by_project: defaultdict[int, int] = defaultdict(int)
    for renewal in renewals:
        refused = max(
            _refused(renewal, room.organization, total),
            _refused(renewal, room.projects.get(renewal.project), by_project[renewal.project]),
        )
        total += renewal.units * renewal.price
        by_project[renewal.project] += renewal.units * renewal.price
        if refused:
            yield renewal.key, refused


def _refused(renewal: Renewal[Key], room: int | None, counted: int) -> int:
    """Return how many units do not fit into the room that is left after what is `counted`."""
    if room is None:
        return 0
    left = room - counted
    if left < 0:
        return renewal.units
    return max(0, renewal.units - left // renewal.price) if renewal.price else 0


def thresholds_reached(*, spent: int, limit: int, alerts: Sequence[int]) -> list[int]:
    """Return the percentages of `limit` that `spent` has reached, lowest first.

    Both are minor units. Nothing spent reaches no threshold, not even one of a limit of 0.
    """
    return sorted({percent for percent in alerts if spent > 0 and spent * 100 >= limit * percent})
