"""Spend limits: the room that is left, renewals past it, and thresholds that are reached (R10)."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

Key = TypeVar("Key")


@dataclass(frozen=True, slots=True)
class Room:
    """What may still be posted in a period, in minor units: in all, and by project. None: no limit.

    It is negative if more is posted than a limit allows.
    """

    organization: int | None
    projects: Mapping[int, int]


@dataclass(frozen=True, slots=True)
class Renewal(Generic[Key]):
    """One day of a lot past its commitment: its project's primary key, and the cost of the day."""

    key: Key
    project: int
    cost: int


def renewals_past_limit(renewals: Iterable[Renewal[Key]], room: Room) -> Iterator[Key]:
    """Yield the renewals of one day that a hard limit refuses (R10).

    They come in order of purchase. Each counts, whether or not it is refused; it is refused if it
    takes the organization's or its project's total past the limit.
    """
    total = 0
    by_project: defaultdict[int, int] = defaultdict(int)
    for renewal in renewals:
        total += renewal.cost
        by_project[renewal.project] += renewal.cost
        of_project = room.projects.get(renewal.project)
        if (room.organization is not None and total > room.organization) or (
            of_project is not None and by_project[renewal.project] > of_project
        ):
            yield renewal.key


def thresholds_reached(*, spent: int, limit: int, alerts: Sequence[int]) -> list[int]:
    """Return the percentages of `limit` that `spent` has reached, lowest first.

    Both are minor units. Nothing spent reaches no threshold, not even one of a limit of 0.
    """
    return sorted({percent for percent in alerts if spent > 0 and spent * 100 >= limit * percent})
