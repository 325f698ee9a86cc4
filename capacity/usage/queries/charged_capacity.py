"""The capacity that an invoice charged, and what projects used of it: what showback shares."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.db.models import BigIntegerField, Case, F, OuterRef, Subquery, Sum, Value, When
from django.db.models.functions import JSONObject

from accounts.models import Organization
from billing.domain.invoices import LineItem
from billing.domain.periods import Period
from billing.queries.charges import charges
from capacity.models import Kind, Lot
from capacity.usage.domain.showback import CapacityDay
from capacity.usage.domain.windows import WINDOW, window_of
from capacity.usage.models import DEFAULT_POOL, UsageDay
from capacity.usage.queries.coverage import closed_until_now, windows_of_minutes
from capacity.usage.queries.entitlement import Entitlement, Holding, Steps, entitlement
from common.instants import midnight

DAY = timedelta(days=1)
NO_UNITS = Steps([], [])

DayOf = tuple[date, Holding]
"""A service day of the units of one kind in a pool."""


@dataclass(frozen=True, slots=True)
class ChargedCapacity:
    """The units that each line of an invoice charged, and what became of them, by service day.

    The lines lack their unit-days, which are the sums of these units.
    """

    units: Mapping[LineItem, Mapping[DayOf, int]]
    days: Mapping[DayOf, CapacityDay]


def charged_capacity(
    organization: Organization, period: Period, *, now: datetime, closed_until: datetime | None
) -> ChargedCapacity:
    """Return what the charges of a period charged, with its use up to `now`.

    `now` is the organization's time, `closed_until` what `close_due_windows` returned.
    """
    units = _charged_units(organization, period)
    entitled = entitlement(organization)
    used = _used(organization, period, entitled, closed_until)
    return ChargedCapacity(
        units,
        {
            (day, holding): _capacity_day(
                entitled.steps.get(holding, NO_UNITS), day, now, used.get((day, holding), {})
            )
            for by_day in units.values()
            for day, holding in by_day
        },
    )


POOL = Case(
    When(pool__is_default=True, then=Value(DEFAULT_POOL)),
    default=F("pool_id"),
    output_field=BigIntegerField(),
)


def _charged_units(
    organization: Organization, period: Period
) -> Mapping[LineItem, Mapping[DayOf, int]]:
    lot = Lot.objects.filter(public_id=OuterRef("lot"))
    rows = (
        charges(organization, posted_from=period.start, posted_to=period.end)
        .order_by()
        .annotate(
            holding=Subquery(lot.values(document=JSONObject(snapshot="snapshot_id", pool=POOL)))
        )
        .values_list(
            "model",
            "kind",
            "type",
            "price_per_day",
            "discount_percent",
            "service_from",
            "service_to",
            "holding",
        )
        .annotate(total_units=Sum("units"))
    )
    charged: defaultdict[LineItem, defaultdict[DayOf, int]] = defaultdict(lambda: defaultdict(int))
    for model, kind, of_type, price, percent, start, end, holding, units in rows:
        line = LineItem(model, kind, of_type, price, percent, unit_days=0)
        key = (holding["snapshot"], holding["pool"], line.kind)
        for number in range((end - start).days):
            charged[line][start + number * DAY, key] += int(units)
    return charged


COLUMNS = {Kind.INPUT: "used_input", Kind.OUTPUT: "used_output", Kind.COMBINED: "covered_weighted"}

Row = tuple[date, int, int, int, Sequence[Any]]
"""A day, a snapshot, a pool, a project; weighted tokens in the order of `COLUMNS`."""


def _used(
    organization: Organization,
    period: Period,
    entitled: Entitlement,
    closed_until: datetime | None,
) -> Mapping[DayOf, Mapping[int, int]]:
    """Return the weighted tokens that each project used, by day and holding.

    A window that closes meanwhile counts once: days say up to when windows are closed in them.
    """
    used: defaultdict[DayOf, defaultdict[int, int]] = defaultdict(lambda: defaultdict(int))
    closed, until = _closed(organization, period)
    open_from = until or closed_until
    for day, snapshot, pool, project, tokens in (
        *closed,
        *_open(organization, period, entitled, open_from),
    ):
        for kind, count in zip(COLUMNS, tokens, strict=True):
            if count:
                used[day, (snapshot, pool, kind)][project] += count
    return used


def _closed(organization: Organization, period: Period) -> tuple[list[Row], datetime | None]:
    """Return what days hold, and up to when windows are closed in them; None without any."""
    rows = (
        UsageDay.objects.filter(organization=organization, opted_out=False)
        .filter(day__gte=period.start, day__lt=period.end)
        .values_list(
            closed_until_now(organization),
            "day",
            "snapshot_id",
            "pool_id",
            "project_id",
            *COLUMNS.values(),
        )
    )
    found, until = [], None
    for until, day, snapshot, pool, project, *tokens in rows:  # noqa: B007 - the same in each row
        found.append((day, snapshot, pool, project, tokens))
    return found, until


def _open(
    organization: Organization,
    period: Period,
    entitled: Entitlement,
    open_from: datetime | None,
) -> Iterator[Row]:
    """Yield the minutes of windows that are open: those of an hour or two, and none of the past."""
    end = midnight(period.end)
    if open_from is None or open_from >= end:
        return
    for window in windows_of_minutes(organization, start=open_from, end=end, entitled=entitled):
        for row, _ in window.covered():
            tokens = (row.used_input, row.used_output, row.weighted)
            yield window.start.date(), window.snapshot, row.use.pool, row.use.project, tokens


def _capacity_day(steps: Steps, day: date, now: datetime, used: Mapping[int, int]) -> CapacityDay:
    """Return a service day of a holding. The window that contains `now` does not lie ahead."""
    start, end = midnight(day), midnight(day + DAY)
    ahead = min(max(start, window_of(now) + WINDOW), end)
    return CapacityDay(steps.tokens(start, end), steps.tokens(ahead, end), used)
