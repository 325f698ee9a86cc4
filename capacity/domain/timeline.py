"""The timeline of one kind of units: its steps, and what happens on which day (R22)."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum


class Cause(StrEnum):
    """What happens to units on a day. All but the first two end units; they are reasons (R11)."""

    PURCHASE = "purchase"
    COMMITMENT_END = "commitment_end"
    CANCELLED = "cancelled"
    MODEL_RETIRED = "model_retired"
    ORDER_FORM_ENDED = "order_form_ended"
    PAYMENT_OVERDUE = "payment_overdue"
    SPEND_LIMIT = "spend_limit"


@dataclass(frozen=True, slots=True)
class UnitChange:
    """Units of a lot that come (or, below 0, go) at 00:00 UTC of a service day, and their TPM."""

    on: date
    units: int
    tpm: int
    cause: Cause
    commitment_ends_on: date


@dataclass(frozen=True, slots=True)
class Step:
    """From 00:00 UTC of a service day until the next step: active units and their TPM."""

    starts_on: date
    units: int
    tpm: int


@dataclass(frozen=True, slots=True)
class Mark:
    """What happens to how many units on a service day."""

    on: date
    cause: Cause
    units: int


def steps_of(changes: Sequence[UnitChange], start: date, end: date) -> Iterator[Step]:
    """Yield the state at `start`, then each later day before `end` on which it changes."""
    by_day: defaultdict[date, list[UnitChange]] = defaultdict(list)
    for change in changes:
        by_day[change.on].append(change)
    units = tpm = 0
    shown: tuple[int, int] | None = None
    for day in sorted({start, *(day for day in by_day if day < end)}):
        units += sum(change.units for change in by_day[day])
        tpm += sum(change.tpm for change in by_day[day])
        if day >= start and shown != (units, tpm):
            shown = (units, tpm)
            yield Step(day, units, tpm)


def marks_of(changes: Sequence[UnitChange], start: date, end: date) -> list[Mark]:
    """Return what happens on the service days `[start, end)`, in the order of days and causes.

    A commitment ends for the units of it that are active until then.
    """
    sums: defaultdict[tuple[date, Cause], int] = defaultdict(int)
    for change in changes:
        sums[change.on, change.cause] += abs(change.units)
        if change.on < change.commitment_ends_on:
            sums[change.commitment_ends_on, Cause.COMMITMENT_END] += change.units
    order = list(Cause)
    marks = [Mark(day, cause, units) for (day, cause), units in sums.items() if units]
    return sorted(
        (mark for mark in marks if start <= mark.on < end),
        key=lambda mark: (mark.on, order.index(mark.cause)),
    )
