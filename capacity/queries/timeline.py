"""The timeline: active units of each snapshot and kind, past and foreseen (R22)."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from django.db.models import F, QuerySet, Sum, Value

from accounts.models import Organization
from billing.queries.standing import Standing, standing
from capacity.domain.timeline import Cause, Mark, Step, UnitChange, marks_of, steps_of
from capacity.models import Expiry, Kind, Lot, TokenUnit
from capacity.queries.catalogue import KIND_ORDER
from capacity.queries.lot_terms import Plan
from capacity.queries.renewals import ForeseenUnits, foreseen_with_plans
from common.errors import NotFound

REACH = timedelta(days=90)
"""How far the timeline reaches either way, unless somebody asks for other days."""


@dataclass(frozen=True, slots=True)
class KindTimeline:
    """One kind of a snapshot. The first step is at the start, then one for each change."""

    model: str
    kind: Kind
    steps: Sequence[Step]
    marks: Sequence[Mark]
    """What happens on which day, what changes no number of units too."""


Changes = defaultdict[tuple[str, str], list[UnitChange]]
"""The changes of each snapshot and kind."""


def timeline(
    organization: Organization, *, on: date, start: date, end: date, model: str | None = None
) -> list[KindTimeline]:
    """Return the active units on the service days `[start, end)`, if nobody changes anything.

    With a `model`, each kind that it is sold in has its steps; without one, each kind that was ever
    bought. Days up to `on` are the record, later ones are foreseen. Raises NotFound for a model
    that does not exist.
    """
    present = standing(organization, on)
    [unchanged] = timelines(organization, present, start=start, end=end, model=model, plans=[None])
    return unchanged


def timelines(
    organization: Organization,
    present: Standing,
    *,
    start: date,
    end: date,
    model: str | None = None,
    kinds: Collection[Kind] | None = None,
    plans: Sequence[Plan | None],
) -> list[list[KindTimeline]]:
    """Return the `timeline` for each of the plans, as if it were made today.

    With `kinds`, those of the `model` have their steps.
    """
    every = _kinds_of(model) if kinds is None else kinds
    keys = {(model, kind) for kind in every if model}
    recorded = _recorded(organization, model)
    result = []
    for plan, units in zip(plans, _foreseen(organization, present, end, plans), strict=True):
        changes: Changes = defaultdict(list, {key: list(rows) for key, rows in recorded.items()})
        for row in units:
            if model in {None, row.model} and row.end:
                changes[row.model, row.kind].append(_end_of(row))
        if plan:
            for name, kind in keys:
                changes[name, kind] += plan.changes(kind)
        result.append(
            [_of_kind(key, changes[key], start, end) for key in _sorted(keys or set(changes))]
        )
    return result


def _sorted(keys: Collection[tuple[str, str]]) -> list[tuple[str, str]]:
    return sorted(keys, key=lambda key: (key[0], KIND_ORDER[Kind(key[1])]))


def _of_kind(
    key: tuple[str, str], changes: Sequence[UnitChange], start: date, end: date
) -> KindTimeline:
    model, kind = key
    return KindTimeline(
        model, Kind(kind), list(steps_of(changes, start, end)), marks_of(changes, start, end)
    )


def _kinds_of(model: str | None) -> Collection[Kind]:
    """Return the kinds that a model is sold in. Raises NotFound for one that does not exist."""
    if model is None:
        return ()
    kinds = TokenUnit.objects.filter(snapshot__model=model).values_list("kind", flat=True)
    if not kinds:
        raise NotFound(f"There is no model “{model}”.")
    return [Kind(kind) for kind in kinds]


def _recorded(organization: Organization, model: str | None) -> Changes:
    """Return what came and went up to today, in one statement."""
    bought = Lot.objects.filter(organization=organization)
    expired = Expiry.objects.filter(organization=organization)
    if model is not None:
        bought = bought.filter(snapshot__model=model)
        expired = expired.filter(lot__snapshot__model=model)
    came = _sums(bought, "", day="starts_on", cause=Value(Cause.PURCHASE.value))
    went = _sums(expired, "lot__", day="ended_on", cause=F("reason"))
    changes: Changes = defaultdict(list)
    for name, kind, on, commitment_ends_on, cause, units, tpm in came.union(went, all=True):
        sign = 1 if cause == Cause.PURCHASE else -1
        change = UnitChange(
            on, sign * int(units), sign * int(tpm), Cause(cause), commitment_ends_on
        )
        changes[name, kind].append(change)
    return changes


def _sums(rows: QuerySet[Any, Any], lot: str, *, day: str, cause: F | Value) -> QuerySet[Any, Any]:
    """Sum units and tokens per minute; `lot` is the prefix of a lookup from a row to its lot."""
    keys = (f"{lot}snapshot__model", f"{lot}kind", day, f"{lot}commitment_ends_on")
    totals: QuerySet[Any, Any] = (
        rows.order_by()
        .values_list(*keys, cause)
        .annotate(of_units=Sum("units"), of_tpm=Sum(F("units") * F(f"{lot}tpm_per_unit")))
    )
    return totals


def _foreseen(
    organization: Organization, present: Standing, end: date, plans: Sequence[Plan | None]
) -> list[list[ForeseenUnits]]:
    periods = present.periods_until(end)
    return foreseen_with_plans(
        organization=organization,
        on=present.on,
        until=periods[-1].end,
        order_forms=present.form_spans,
        limits=present.hard_limits(periods),
        plans=plans,
    )


def _end_of(row: ForeseenUnits) -> UnitChange:
    assert row.end, "only units that end"
    assert row.cause, "an end has a cause"
    tpm = row.units * row.tpm_per_unit
    return UnitChange(row.end, -row.units, -tpm, row.cause, row.commitment_ends_on)
