"""Callouts: capacity that was paid and unused for a week, and capacity exhausted on each day."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings

from accounts.models import Organization
from billing.domain.money import Money
from capacity.usage.domain.callouts import (
    DaySpan,
    HeldUnits,
    IdleUnits,
    idle_units,
    is_exhausted_daily,
    last_closed_days,
)
from capacity.usage.domain.windows import MINUTES_OF_WINDOW, WINDOW
from capacity.usage.queries.entitlement import Holding
from capacity.usage.queries.holdings import (
    HeldLot,
    HoldingName,
    exhausted_windows,
    held_lots,
    largest_windows,
)
from capacity.usage.queries.recommendations import recommended_units
from common.instants import midnight


@dataclass(frozen=True, slots=True)
class IdleCallout:
    """Units of one holding that were paid and unused on each day of the span."""

    of: HoldingName
    lots: Sequence[IdleUnits]

    @property
    def units(self) -> int:
        return sum(lot.units for lot in self.lots)

    @property
    def per_day(self) -> Money:
        """Return what the units cost today at standard rates: each the price of its lot (R6)."""
        return Money(sum(lot.per_day for lot in self.lots), settings.CURRENCY)

    @property
    def only_lot(self) -> str:
        """Return the public id of the lot, if the units are of one; otherwise nothing."""
        return self.lots[0].lot if len(self.lots) == 1 else ""


@dataclass(frozen=True, slots=True)
class ExhaustedCallout:
    """A holding that was exhausted on each day of the span, in so many windows."""

    of: HoldingName
    windows: int
    recommended: int
    """Units to buy (R16); 0 if none are, or if the units are not sold any more."""


@dataclass(frozen=True, slots=True)
class Callouts:
    """What stands out in the last days, all of whose windows are closed."""

    span: DaySpan
    idle: Sequence[IdleCallout]
    exhausted: Sequence[ExhaustedCallout]

    @property
    def rows(self) -> Sequence[IdleCallout | ExhaustedCallout]:
        """Return all: the dearest idle units first, then what was exhausted most often."""
        return [
            *sorted(self.idle, key=lambda row: -row.per_day.amount),
            *sorted(self.exhausted, key=lambda row: -row.windows),
        ]

    def __bool__(self) -> bool:
        return bool(self.idle or self.exhausted)


Held = Mapping[Holding, Sequence[HeldLot]]


def callouts(organization: Organization, *, now: datetime) -> Callouts:
    """Return the callouts at `now`, the organization's time; due windows are closed."""
    span = last_closed_days(now)
    held = held_lots(organization, on=now.date())
    in_order = sorted(held, key=lambda holding: held[holding][0].name.order)
    idle = idle_holdings(organization, held, span=span)
    exhausted = _exhausted_daily(organization, held, span)
    recommended = recommended_units(organization, owned=_owned_of_kinds(held, exhausted), now=now)
    return Callouts(
        span,
        idle=[
            IdleCallout(held[holding][0].name, idle[holding])
            for holding in in_order
            if holding in idle
        ],
        exhausted=[
            ExhaustedCallout(
                held[holding][0].name,
                exhausted[holding],
                recommended.get((holding[0], holding[2]), 0),
            )
            for holding in in_order
            if holding in exhausted
        ],
    )


def idle_holdings(
    organization: Organization, held: Held, *, span: DaySpan
) -> dict[Holding, list[IdleUnits]]:
    """Return the units that were active in the whole span and that nothing in it needed.

    Units that a cancellation ends are left out: they need no further attention.
    """
    start = midnight(span.start)
    owned: defaultdict[Holding, list[HeldUnits]] = defaultdict(list)
    for holding, lots in held.items():
        for lot in lots:
            # Units bought during a window count for all of it (R14).
            if lot.renewing_units and lot.bought_at < start + WINDOW:
                owned[holding].append(lot.renewing)
    largest = largest_windows(
        organization,
        {holding: held[holding][0].weights for holding in owned},
        start=start,
        end=midnight(span.end),
    )
    found = {holding: idle_units(lots, largest[holding]) for holding, lots in owned.items()}
    return {holding: lots for holding, lots in found.items() if lots}


def _exhausted_daily(organization: Organization, held: Held, span: DaySpan) -> dict[Holding, int]:
    """Return the holdings with an exhausted window on each day, and how many they had in all.

    A window counts if the units that are active now would not have covered it either.
    """
    found = {}
    for holding, windows in exhausted_windows(
        organization, start=midnight(span.start), end=midnight(span.end)
    ).items():
        tpm = sum(lot.active_units * lot.tpm for lot in held.get(holding, ()))
        allowance = tpm * MINUTES_OF_WINDOW
        still = [start for start, window in windows.items() if window.used > allowance > 0]
        if is_exhausted_daily(still, span):
            found[holding] = len(still)
    return found


def _owned_of_kinds(held: Held, holdings: Mapping[Holding, int]) -> dict[tuple[int, str], int]:
    """Return the active units of each kind that one of the holdings has, in all pools."""
    kinds = {(snapshot, kind) for snapshot, _pool, kind in holdings}
    owned = dict.fromkeys(kinds, 0)
    for (snapshot, _pool, kind), lots in held.items():
        if (snapshot, kind) in owned:
            owned[snapshot, kind] += sum(lot.active_units for lot in lots)
    return owned
