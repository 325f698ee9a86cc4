"""Active capacity: units and tokens per minute that are active now, and their cost per day."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from django.conf import settings
from django.db.models import F, Min, QuerySet, Sum

from accounts.models import Organization
from billing.domain.money import Money
from capacity.models import Kind, Lot, Snapshot, TokenUnit
from capacity.queries.cancellations import scheduled_cancellations
from capacity.queries.catalogue import KIND_ORDER, Listing, agreed_price, list_price
from capacity.queries.lots import active_lots

TPM = Sum(F("active_units") * F("tpm_per_unit"))

ListPrices = Mapping[tuple[int, Kind], tuple[Snapshot, int]]
"""Snapshot and list price in minor units, by the primary key of the snapshot and the kind."""


@dataclass(frozen=True, slots=True)
class ActiveCapacity:
    """Units active now, of one kind in one pool of one snapshot."""

    model: str
    pool: str
    kind: Kind
    units: int
    tpm: int


@dataclass(slots=True)
class ModelCapacity:
    """Active units of one snapshot, in all its pools."""

    snapshot: Snapshot
    units: dict[Kind, int] = field(default_factory=dict)
    tpm: dict[Kind, int] = field(default_factory=dict)
    per_day: Money = field(default_factory=lambda: Money(0, settings.CURRENCY))
    """Cost of the present service day at list prices (R6, R9)."""
    ending_units: int = 0
    """Units that scheduled cancellations will end."""
    next_end: date | None = None


@dataclass(frozen=True, slots=True)
class TotalCapacity:
    """All active units of an organization."""

    tpm: dict[Kind, int]
    per_day: Money
    models: int
    ending_units: int
    next_end: date | None


def active_capacity(organization: Organization) -> list[ActiveCapacity]:
    """Return active units and TPM by snapshot, pool and kind, in this order."""
    rows = (
        active_lots(organization)
        .values("snapshot__model", "pool__public_id", "kind", "pool_id")
        .annotate(total_units=Sum("active_units"), total_tpm=TPM)
    )
    ordered = sorted(
        rows,
        key=lambda row: (row["snapshot__model"], row["pool_id"], KIND_ORDER[Kind(row["kind"])]),
    )
    return [
        ActiveCapacity(
            model=row["snapshot__model"],
            pool=row["pool__public_id"],
            kind=Kind(row["kind"]),
            units=row["total_units"],
            tpm=row["total_tpm"],
        )
        for row in ordered
    ]


def tpm_by_kind(organization: Organization, snapshot: Snapshot) -> dict[Kind, int]:
    """Return the active tokens per minute by kind, in all pools of the snapshot."""
    rows = (
        active_lots(organization).filter(snapshot=snapshot).values("kind").annotate(total_tpm=TPM)
    )
    return {Kind(row["kind"]): row["total_tpm"] for row in rows}


def capacity_by_model(organization: Organization, *, on: date) -> list[ModelCapacity]:
    """Return active capacity by snapshot, with the prices of the service day `on`."""
    models = _by_model(active_lots(organization), on)
    ends = {
        row["lot__snapshot_id"]: row
        for row in scheduled_cancellations(organization)
        .order_by()
        .values("lot__snapshot_id")
        .annotate(total_units=Sum("units"), first_end=Min("ends_on"))
    }
    for entry in models:
        if row := ends.get(entry.snapshot.pk):
            entry.ending_units, entry.next_end = row["total_units"], row["first_end"]
    return models


def capacity_of_model(
    organization: Organization, *, listing: Listing, on: date
) -> ModelCapacity | None:
    """Return the active capacity of one snapshot, without its ends; None if it has no active units.

    `listing` is the listing of the snapshot on the service day `on`. Its prices are used.
    """
    snapshot = listing.snapshot
    list_prices = {
        (snapshot.pk, offer.kind): (snapshot, offer.price.amount if offer.price else 0)
        for offer in listing.offers
    }
    rows = active_lots(organization).filter(snapshot=snapshot)
    return next(iter(_by_model(rows, on, list_prices)), None)


def total_capacity(models: Sequence[ModelCapacity]) -> TotalCapacity:
    """Return the sum of the capacity of models. Kinds without active units are left out."""
    by_kind = {kind: sum(entry.tpm.get(kind, 0) for entry in models) for kind in Kind}
    return TotalCapacity(
        tpm={kind: tpm for kind, tpm in by_kind.items() if tpm},
        per_day=sum((entry.per_day for entry in models), start=Money(0, settings.CURRENCY)),
        models=len(models),
        ending_units=sum(entry.ending_units for entry in models),
        next_end=min((entry.next_end for entry in models if entry.next_end), default=None),
    )


def _by_model(
    active: QuerySet[Lot], on: date, list_prices: ListPrices | None = None
) -> list[ModelCapacity]:
    rows = list(
        active.annotate(agreed=agreed_price(on))
        .values("snapshot_id", "kind", "agreed")
        .annotate(total_units=Sum("active_units"), total_tpm=TPM)
    )
    if list_prices is None:
        list_prices = _list_prices({row["snapshot_id"] for row in rows}, on)
    by_snapshot: dict[int, ModelCapacity] = {}
    for row in sorted(rows, key=lambda row: KIND_ORDER[Kind(row["kind"])]):
        kind = Kind(row["kind"])
        snapshot, in_force = list_prices[row["snapshot_id"], kind]
        price = in_force if row["agreed"] is None else row["agreed"]
        entry = by_snapshot.setdefault(snapshot.pk, ModelCapacity(snapshot))
        entry.units[kind] = entry.units.get(kind, 0) + row["total_units"]
        entry.tpm[kind] = entry.tpm.get(kind, 0) + row["total_tpm"]
        entry.per_day += Money(price, settings.CURRENCY) * row["total_units"]
    return sorted(by_snapshot.values(), key=lambda entry: entry.snapshot.name)


def _list_prices(snapshots: Iterable[int], on: date) -> ListPrices:
    """Return the list prices in force on a day, for snapshots given by primary key (R6).

    One query reads them for all lots whose agreed price no longer holds.
    """
    units = (
        TokenUnit.objects.filter(snapshot__in=snapshots)
        .annotate(in_force=list_price(on))
        .select_related("snapshot")
    )
    return {(unit.snapshot_id, Kind(unit.kind)): (unit.snapshot, unit.in_force) for unit in units}
