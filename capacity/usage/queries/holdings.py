"""Holdings: the units of one kind in one pool of a snapshot, and how windows used them."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime

from django.db.models import DateTimeField, Func, Sum, Value

from accounts.models import Organization
from capacity.models import Kind
from capacity.queries.catalogue import KIND_ORDER, lot_price
from capacity.queries.lots import active_lots, with_renewing_units
from capacity.usage.domain.alerts import is_above
from capacity.usage.domain.callouts import HeldUnits
from capacity.usage.domain.coverage import COMBINED, SCALE, Weights
from capacity.usage.domain.windows import EPOCH, WINDOW
from capacity.usage.models import DEFAULT_POOL, ExhaustedWindow, UsageMinute, UsageWindow
from capacity.usage.queries.coverage import weights_of, whole_tokens
from capacity.usage.queries.entitlement import Holding, entitlement

COLUMNS = ("input_tokens", "cached_tokens", "output_tokens")

WINDOW_OF_MINUTE = Func(
    Value(WINDOW), "minute", Value(EPOCH), function="date_bin", output_field=DateTimeField()
)
"""The start of the window of a minute, as an expression for queries of minutes."""


@dataclass(frozen=True, slots=True)
class HoldingName:
    """What people call a holding. `pool` is empty for the default pool."""

    model: str
    pool: str
    kind: Kind

    @property
    def order(self) -> tuple[str, str, int]:
        """Return what lists of holdings are sorted by: the model, the pool, the kind."""
        return self.model, self.pool, KIND_ORDER[self.kind]

    def __str__(self) -> str:
        pool = f", pool “{self.pool}”" if self.pool else ""
        return f"{self.kind.label} of {self.model}{pool}"


@dataclass(frozen=True, slots=True)
class HeldLot:
    """The active units of a lot. `price` is that of one today, minor units at standard rates."""

    name: HoldingName
    weights: Weights
    lot: str
    active_units: int
    renewing_units: int
    tpm: int
    price: int
    commitment_ends_on: date
    bought_at: datetime

    @property
    def renewing(self) -> HeldUnits:
        """Return the units that no cancellation ends."""
        return HeldUnits(
            self.lot, self.renewing_units, self.tpm, self.price, self.commitment_ends_on
        )


def held_lots(organization: Organization, *, on: date) -> dict[Holding, list[HeldLot]]:
    """Return the lots with active units by holding, with prices of the service day `on`."""
    held: defaultdict[Holding, list[HeldLot]] = defaultdict(list)
    lots = with_renewing_units(active_lots(organization)).annotate(price_today=lot_price(on))
    for lot in lots.select_related("snapshot", "pool", "purchase").order_by("pk"):
        snapshot, pool = lot.snapshot, lot.pool
        name = HoldingName(snapshot.model, "" if pool.is_default else pool.name, Kind(lot.kind))
        held[snapshot.pk, DEFAULT_POOL if pool.is_default else pool.pk, lot.kind].append(
            HeldLot(
                name,
                Weights.of(snapshot.cached_weight, snapshot.output_weight),
                lot.public_id,
                lot.active_units,
                lot.renewing_units,
                lot.tpm_per_unit,
                lot.price_today,
                lot.commitment_ends_on,
                lot.purchase.created_at,
            )
        )
    return dict(held)


@dataclass(frozen=True, slots=True)
class UsedWindow:
    """What a window used of the allowance of a holding, in weighted tokens."""

    used: int
    allowance: int


def windows_above(
    organization: Organization,
    *,
    percent: int,
    start: datetime,
    end: datetime,
) -> dict[Holding, dict[datetime, UsedWindow]]:
    """Return the closed windows that start in `[start, end)` with a utilisation above a percentage.

    They are summed from their minutes, to which nothing is added that comes late. Requests that
    declined capacity are left out.
    """
    rows = (
        UsageMinute.objects.filter(
            organization=organization, minute__gte=start, minute__lt=end, opted_out=False
        )
        .order_by()
        .annotate(window=WINDOW_OF_MINUTE)
        .values_list("snapshot_id", "pool_id", "window")
        .annotate(**{f"all_{column}": Sum(column) for column in COLUMNS})
    )
    sums = {(snapshot, pool, window): tokens for snapshot, pool, window, *tokens in rows}
    weights = weights_of({snapshot for snapshot, _, _ in sums})
    entitled = entitlement(organization)
    above: defaultdict[Holding, dict[datetime, UsedWindow]] = defaultdict(dict)
    for (snapshot, pool, window), tokens in sums.items():
        allowed = entitled.allowances(snapshot, window).get(pool, {})
        for kind in asked_kinds(allowed):
            used = weights[snapshot][0].weigh(kind, *map(int, tokens))
            if is_above(used, allowed[kind] * SCALE, percent):
                found = UsedWindow(whole_tokens(used), allowed[kind])
                above[snapshot, pool, kind][window] = found
    return above


def asked_kinds(kinds: Iterable[str]) -> set[str]:
    """Return the kinds of units in a pool that its requests use: combined ones cover everything."""
    return {*kinds} & {COMBINED} or {*kinds}


def exhausted_windows(
    organization: Organization, *, start: datetime, end: datetime
) -> dict[Holding, dict[datetime, UsedWindow]]:
    """Return the exhausted windows that start in `[start, end)`; closed windows never change."""
    rows = ExhaustedWindow.objects.filter(
        organization=organization, starts_at__gte=start, starts_at__lt=end
    )
    exhausted: defaultdict[Holding, dict[datetime, UsedWindow]] = defaultdict(dict)
    for snapshot, pool, kind, window, used, allowance in rows.values_list(
        "snapshot_id", "pool_id", "kind", "starts_at", "used", "allowance"
    ):
        exhausted[snapshot, pool, kind][window] = UsedWindow(used, allowance)
    return exhausted


def largest_windows(
    organization: Organization,
    holdings: Mapping[Holding, Weights],
    *,
    start: datetime,
    end: datetime,
) -> dict[Holding, int]:
    """Return the weighted tokens of the largest window in `[start, end)`, in ten-thousandths.

    `holdings` come with the weights of their snapshots. What came late counts: units were needed
    for it. Requests that declined capacity do not, nor does anything for input and output units in
    a pool with combined ones, which cover everything.
    """
    rows = (
        UsageWindow.objects.filter(
            organization=organization,
            snapshot__in={snapshot for snapshot, _, _ in holdings},
            starts_at__gte=start,
            starts_at__lt=end,
            opted_out=False,
        )
        .order_by()
        .values_list("snapshot_id", "pool_id", "starts_at")
        .annotate(**{f"all_{column}": Sum(column) for column in COLUMNS})
    )
    kinds: defaultdict[tuple[int, int], set[str]] = defaultdict(set)
    for snapshot, pool, kind in holdings:
        kinds[snapshot, pool].add(kind)
    largest: dict[Holding, int] = dict.fromkeys(holdings, 0)
    for snapshot, pool, _start, *sums in rows:
        tokens = [int(total) for total in sums]
        for kind in asked_kinds(kinds[snapshot, pool]):
            holding = (snapshot, pool, kind)
            largest[holding] = max(largest[holding], holdings[holding].weigh(kind, *tokens))
    return largest
