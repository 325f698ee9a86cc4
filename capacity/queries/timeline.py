"""The timeline: active units of each snapshot and kind, past and foreseen (R22)."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from django.db.models import F, QuerySet, Sum

from accounts.models import Organization
from billing.domain.order_forms import order_form_spans
from billing.queries.forecast import periods_until
from billing.queries.order_forms import signed_forms
from billing.queries.spend import hard_limits
from capacity.models import Expiry, Kind, Lot, TokenUnit
from capacity.queries.catalogue import KIND_ORDER
from capacity.queries.renewals import foreseen_units
from common.errors import NotFound

REACH = timedelta(days=90)
"""How far the timeline reaches either way, unless somebody asks for other days."""


@dataclass(frozen=True, slots=True)
class Step:
    """From 00:00 UTC of a service day until the next step: active units and their TPM."""

    starts_on: date
    units: int
    tpm: int


@dataclass(frozen=True, slots=True)
class KindTimeline:
    """The steps of one kind of a snapshot. The first is at the start, then one for each change."""

    model: str
    kind: Kind
    steps: Sequence[Step]


Changes = Mapping[date, tuple[int, int]]
"""Units and tokens per minute that come (or, below 0, go) on each service day."""


def timeline(
    organization: Organization, *, on: date, start: date, end: date, model: str | None = None
) -> list[KindTimeline]:
    """Return the active units on the service days `[start, end)`, if nobody changes anything.

    With a `model`, each kind that it is sold in has its steps; without one, each kind that was ever
    bought. Days up to `on` are the record, later ones are foreseen. Raises NotFound for a model
    that does not exist.
    """
    changes = _changes(organization, on, end, model)
    kinds = {(name, Kind(kind)) for name, kind in changes} | _kinds_of(model)
    ordered = sorted(kinds, key=lambda key: (key[0], KIND_ORDER[key[1]]))
    return [
        KindTimeline(name, kind, list(_steps(changes.get((name, kind), {}), start, end)))
        for name, kind in ordered
    ]


def _kinds_of(model: str | None) -> set[tuple[str, Kind]]:
    if model is None:
        return set()
    kinds = TokenUnit.objects.filter(snapshot__model=model).values_list("kind", flat=True)
    if not kinds:
        raise NotFound(f"There is no model “{model}”.")
    return {(model, Kind(kind)) for kind in kinds}


def _steps(changes: Changes, start: date, end: date) -> Iterator[Step]:
    """Yield the state at `start`, then each later day before `end` on which it changes."""
    units = tpm = 0
    shown: tuple[int, int] | None = None
    for day in sorted({start, *(day for day in changes if day < end)}):
        more_units, more_tpm = changes.get(day, (0, 0))
        units, tpm = units + more_units, tpm + more_tpm
        if day >= start and shown != (units, tpm):
            shown = (units, tpm)
            yield Step(day, units, tpm)


def _changes(
    organization: Organization, on: date, end: date, model: str | None
) -> Mapping[tuple[str, str], Changes]:
    changes: defaultdict[tuple[str, str], defaultdict[date, tuple[int, int]]] = defaultdict(
        lambda: defaultdict(lambda: (0, 0))
    )
    for name, kind, day, units, tpm in (
        *_bought(organization, model),
        *_expired(organization, model),
        *_foreseen_ends(organization, on, end, model),
    ):
        before_units, before_tpm = changes[name, kind][day]
        changes[name, kind][day] = (before_units + units, before_tpm + tpm)
    return changes


Row = tuple[str, str, date, int, int]


def _bought(organization: Organization, model: str | None) -> Iterator[Row]:
    rows = Lot.objects.filter(organization=organization)
    if model is not None:
        rows = rows.filter(snapshot__model=model)
    yield from _sums(rows, "", day="starts_on")


def _expired(organization: Organization, model: str | None) -> Iterator[Row]:
    rows = Expiry.objects.filter(organization=organization)
    if model is not None:
        rows = rows.filter(lot__snapshot__model=model)
    for name, kind, day, units, tpm in _sums(rows, "lot__", day="ended_on"):
        yield name, kind, day, -units, -tpm


def _sums(rows: QuerySet[Any, Any], lot: str, *, day: str) -> Iterator[Row]:
    """Sum units and tokens per minute; `lot` is the prefix of a lookup from a row to its lot."""
    keys = (f"{lot}snapshot__model", f"{lot}kind", day)
    totals = (
        rows.order_by()
        .values_list(*keys)
        .annotate(of_units=Sum("units"), of_tpm=Sum(F("units") * F(f"{lot}tpm_per_unit")))
    )
    for name, kind, on, units, tpm in totals:
        yield name, kind, on, int(units), int(tpm)


def _foreseen_ends(
    organization: Organization, on: date, end: date, model: str | None
) -> Iterator[Row]:
    periods = periods_until(organization, on=on, end=end)
    units = foreseen_units(
        organization=organization,
        on=on,
        until=periods[-1].end,
        order_forms=order_form_spans(signed_forms(organization), on),
        limits=hard_limits(organization, periods),
    )
    for row in units:
        if row.end and model in {None, row.model}:
            yield row.model, row.kind, row.end, -row.units, -row.units * row.tpm_per_unit
