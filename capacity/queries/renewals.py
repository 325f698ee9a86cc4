"""The renewals to come of existing lots, and the days on which their units end (R4, R6, R10, R11).

Lots with the same terms are one row, so that ten thousand equal lots cost as much as one. Hard
limits end lots one by one, in order of purchase, so with them each lot is a row of its own.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from accounts.models import Organization
from billing.domain.limits import HardLimits
from billing.domain.order_forms import OrderFormSpan
from billing.seller import ComingRenewal
from capacity.domain.limits import LimitEnd, LotPlan, PricedUnits, limit_ends
from capacity.domain.renewals import (
    DatedPrices,
    PriceAgreement,
    cause_of_end,
    known_end,
    price_spans,
)
from capacity.domain.timeline import Cause
from capacity.models import ListPrice
from capacity.queries.lot_terms import Plan, Row, units_by_terms


@dataclass(frozen=True, slots=True)
class ForeseenUnits:
    """Active units with the same terms, as they will go on if nothing changes.

    `lot` is a primary key; it is None for lots with the same terms together. `end` None is no known
    end. `spans` are the days to be charged, `(first, last, price)`, `last` excluded.
    """

    lot: int | None
    model: str
    kind: str
    project: int
    units: int
    tpm_per_unit: int
    commitment_ends_on: date
    end: date | None
    cause: Cause | None
    """Why they end; None without an end."""
    spans: Sequence[tuple[date, date, int]]

    def past_limit(self, end: date, units: int) -> "ForeseenUnits":
        """Return `units` of these, which a hard limit ends on `end`."""
        spans = [(first, min(last, end), price) for first, last, price in self.spans if first < end]
        return replace(self, end=end, cause=Cause.SPEND_LIMIT, units=units, spans=spans)


def foreseen_units(
    *,
    organization: Organization,
    on: date,
    until: date,
    order_forms: Sequence[OrderFormSpan],
    limits: HardLimits | None = None,
) -> list[ForeseenUnits]:
    """Return all active units with their ends and the days `[on, until)` still to be charged.

    They take known ends into account: cancellations, retirements, for units past their commitment
    the first day on which none of the `order_forms` is in force, and the hard `limits`, if given.
    """
    [units] = foreseen_with_plans(
        organization=organization,
        on=on,
        until=until,
        order_forms=order_forms,
        limits=limits,
        plans=[None],
    )
    return units


def foreseen_with_plans(
    *,
    organization: Organization,
    on: date,
    until: date,
    order_forms: Sequence[OrderFormSpan],
    limits: HardLimits | None,
    plans: Sequence[Plan | None],
) -> list[list[ForeseenUnits]]:
    """Return `foreseen_units` for each of the plans, as if it were made now; None is no change."""
    present = units_by_terms(organization, of_each_lot=limits is not None)
    planned = [plan.applied_to(present) if plan else present for plan in plans]
    list_prices = _list_prices((row for rows in planned for row in rows), until)
    foreseen = []
    for plan, rows in zip(plans, planned, strict=True):
        units = [_foreseen(row, on, until, order_forms, list_prices) for row in rows]
        if limits:
            units = _within(plan.counted_in(limits) if plan else limits, units)
        foreseen.append(units)
    return foreseen


def _within(limits: HardLimits, units: Sequence[ForeseenUnits]) -> list[ForeseenUnits]:
    """Return the units with the ends that hard limits give them. Each lot has rows of its own."""
    ends: defaultdict[int | None, list[LimitEnd[int | None]]] = defaultdict(list)
    for end in limit_ends(_plans(units), limits):
        ends[end.key].append(end)
    return [part for row in units for part in _parts(row, ends[row.lot])]


def units_that_limits_end(
    *,
    organization: Organization,
    on: date,
    until: date,
    order_forms: Sequence[OrderFormSpan],
    limits: HardLimits,
) -> list[LimitEnd[int | None]]:
    """Return the units that hard limits will end on the days `[on, until)`, by key of the lot."""
    rows = units_by_terms(organization, of_each_lot=True)
    list_prices = _list_prices(rows, until)
    units = [_foreseen(row, on, until, order_forms, list_prices) for row in rows]
    return [end for end in limit_ends(_plans(units), limits) if end.on < until]


def renewals_to_come(
    *,
    organization: Organization,
    on: date,
    until: date,
    order_forms: Sequence[OrderFormSpan],
    limits: HardLimits | None = None,
) -> Iterator[ComingRenewal]:
    """Yield the renewals that are still to be charged on the service days `[on, until)`."""
    for row in foreseen_units(
        organization=organization, on=on, until=until, order_forms=order_forms, limits=limits
    ):
        for start, end, price in row.spans:
            yield ComingRenewal(
                model=row.model,
                kind=row.kind,
                project=row.project,
                start=start,
                end=end,
                units=row.units,
                price_per_day=price,
            )


def _parts(row: ForeseenUnits, ends: Sequence[LimitEnd[int | None]]) -> Iterator[ForeseenUnits]:
    """Yield the parts of a row that limits end, and the rest. `ends` are those of its lot.

    Limits end units past their commitment. Those have no scheduled cancellation (R5), so the row is
    the only one of its lot that lasts until then.
    """
    left = row.units
    for end in ends:
        if row.end is None or end.on < row.end:
            left -= end.units
            yield row.past_limit(end.on, end.units)
    if left:
        yield replace(row, units=left)


def _plans(units: Sequence[ForeseenUnits]) -> list[LotPlan[int | None]]:
    """Return the plan of each lot, in order of purchase; its rows end on different days."""
    by_lot: defaultdict[int | None, list[ForeseenUnits]] = defaultdict(list)
    for row in units:
        by_lot[row.lot].append(row)
    return [
        LotPlan(
            key=lot,
            project=rows[0].project,
            commitment_ends_on=rows[0].commitment_ends_on,
            spans=[
                PricedUnits(first, last, row.units, price)
                for row in rows
                for first, last, price in row.spans
            ],
        )
        for lot, rows in sorted(by_lot.items(), key=lambda item: item[0] or 0)
    ]


def _foreseen(
    row: Row,
    on: date,
    until: date,
    order_forms: Sequence[OrderFormSpan],
    list_prices: Mapping[tuple[int, str], DatedPrices],
) -> ForeseenUnits:
    end = known_end(
        cancelled_to=row["cancelled_to"],
        retires_on=row["of_retires_on"],
        commitment_ends_on=row["of_commitment_ends_on"],
        charged_until=row["of_charged_until"],
        order_forms=order_forms,
    )
    prices = list_prices.get((row["of_snapshot"], row["of_kind"]), [])
    return ForeseenUnits(
        lot=row.get("of_lot"),
        model=row["of_model"],
        kind=row["of_kind"],
        project=row["of_project"],
        units=row["total_units"],
        tpm_per_unit=row["of_tpm_per_unit"],
        commitment_ends_on=row["of_commitment_ends_on"],
        end=end,
        cause=cause_of_end(end, cancelled_to=row["cancelled_to"], retires_on=row["of_retires_on"]),
        spans=_priced_days(row, on, min(until, end or until), prices),
    )


def _priced_days(
    row: Row, on: date, until: date, list_prices: DatedPrices
) -> list[tuple[date, date, int]]:
    """Return the days before `until` that are still to be charged, in spans of one price each."""
    agreement = PriceAgreement.of_lot(
        price=row["of_price_per_day"],
        commitment_ends_on=row["of_commitment_ends_on"],
        first_term_ends_on=row["of_first_term_ends_on"],
    )
    start = max(on, row["of_charged_until"])
    return list(price_spans(start, until, agreement=agreement, list_prices=list_prices))


def _list_prices(rows: Iterable[Row], until: date) -> Mapping[tuple[int, str], DatedPrices]:
    """Return the list prices of the units whose agreed price does not hold up to `until` (R6)."""
    snapshots = {
        row["of_snapshot"]
        for row in rows
        if max(row["of_commitment_ends_on"], row["of_first_term_ends_on"]) < until
    }
    prices: defaultdict[tuple[int, str], list[tuple[date, int]]] = defaultdict(list)
    dated = ListPrice.objects.filter(token_unit__snapshot__in=snapshots).order_by("from_on")
    for snapshot, kind, from_on, amount in dated.values_list(
        "token_unit__snapshot_id", "token_unit__kind", "from_on", "amount"
    ):
        prices[snapshot, kind].append((from_on, amount))
    return prices
