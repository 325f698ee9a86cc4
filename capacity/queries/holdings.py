"""What an organization holds, and held: for pages and API alike."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date

from django.conf import settings
from django.db.models import Exists, F, OuterRef, Prefetch, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce

from accounts.errors import NotFound
from accounts.models import Organization
from billing.domain.money import Money
from capacity.models import (
    Cancellation,
    CancellationStatus,
    Expiry,
    Kind,
    Lot,
    Pool,
    Purchase,
    Snapshot,
    TokenUnit,
    Transaction,
)
from capacity.queries.cancellations import scheduled_cancellations
from capacity.queries.catalogue import KIND_ORDER, agreed_price, list_price, lot_price


@dataclass(frozen=True, slots=True)
class Holding:
    """Units active now, of one kind in one pool of one snapshot."""

    model: str
    pool: str
    kind: Kind
    units: int
    tpm: int


@dataclass(slots=True)
class Provisioned:
    """What is active now on one snapshot, over all its pools."""

    snapshot: Snapshot
    units: dict[Kind, int] = field(default_factory=dict)
    tpm: dict[Kind, int] = field(default_factory=dict)
    per_day: Money = field(default_factory=lambda: Money(0, settings.CURRENCY))
    """What a service day costs now, list price (R6, R9)."""
    ending_units: int = 0
    """Units that a scheduled cancellation will end."""
    next_end: date | None = None


def capacity_now(organization: Organization) -> list[Holding]:
    """Active units and TPM by snapshot, pool and kind."""
    rows = (
        _active(organization)
        .values("snapshot__model", "pool__public_id", "kind", "pool_id")
        .annotate(held=Sum("active_units"), held_tpm=Sum(F("active_units") * F("tpm_per_unit")))
    )
    ordered = sorted(
        rows,
        key=lambda row: (row["snapshot__model"], row["pool_id"], KIND_ORDER[Kind(row["kind"])]),
    )
    return [
        Holding(
            model=row["snapshot__model"],
            pool=row["pool__public_id"],
            kind=Kind(row["kind"]),
            units=row["held"],
            tpm=row["held_tpm"],
        )
        for row in ordered
    ]


def provisioned(organization: Organization, *, on: date) -> list[Provisioned]:
    """Active capacity by snapshot, on the service day `on`. A fixed number of queries."""
    return _provisioned(organization, _active(organization), on)


def provisioned_of(organization: Organization, *, model: str, on: date) -> Provisioned | None:
    """The same for one snapshot; None where nothing is active on it."""
    held = _provisioned(organization, _active(organization).filter(snapshot__model=model), on)
    return held[0] if held else None


def _provisioned(organization: Organization, active: QuerySet[Lot], on: date) -> list[Provisioned]:
    rows = (
        active.annotate(agreed=agreed_price(on))
        .values("snapshot_id", "kind", "agreed")
        .annotate(held=Sum("active_units"), held_tpm=Sum(F("active_units") * F("tpm_per_unit")))
    )
    ordered = sorted(rows, key=lambda row: KIND_ORDER[Kind(row["kind"])])
    snapshots = Snapshot.objects.in_bulk({row["snapshot_id"] for row in ordered})
    in_force = _list_prices(snapshots, on)
    found: dict[int, Provisioned] = {}
    for row in ordered:
        snapshot, kind = row["snapshot_id"], Kind(row["kind"])
        price = in_force[snapshot, kind] if row["agreed"] is None else row["agreed"]
        entry = found.setdefault(snapshot, Provisioned(snapshots[snapshot]))
        entry.units[kind] = entry.units.get(kind, 0) + row["held"]
        entry.tpm[kind] = entry.tpm.get(kind, 0) + row["held_tpm"]
        entry.per_day += Money(price, settings.CURRENCY) * row["held"]
    _add_ends(organization, found)
    return sorted(found.values(), key=lambda entry: entry.snapshot.name)


def _list_prices(snapshots: Iterable[int], on: date) -> dict[tuple[int, Kind], int]:
    """By snapshot and kind, looked up once for all lots that no agreed price holds for (R6)."""
    units = TokenUnit.objects.filter(snapshot__in=snapshots).annotate(in_force=list_price(on))
    priced = units.values_list("snapshot_id", "kind", "in_force")
    return {(snapshot, Kind(kind)): price for snapshot, kind, price in priced}


def lots(
    organization: Organization,
    *,
    model: str | None = None,
    status: str | None = None,
    project: str | None = None,
) -> QuerySet[Lot]:
    """Lots, newest first, with what their documents show.

    `active` lots have active units; `expired` ones have units that expired, if only some.
    """
    found = Lot.objects.filter(organization=organization)
    if model is not None:
        found = found.filter(snapshot__model=model)
    if project is not None:
        found = found.filter(project__public_id=project)
    if status == "active":
        found = found.filter(active_units__gt=0)
    elif status == "expired":
        found = found.filter(Exists(Expiry.objects.filter(lot=OuterRef("pk"))))
    return with_endings(found).order_by("-pk")


def active_lots(organization: Organization, *, model: str, on: date) -> QuerySet[Lot]:
    """A snapshot's lots with active units, newest first, each with its `price_today` (R6)."""
    return (
        lots(organization, model=model, status="active")
        .annotate(price_today=lot_price(on))
        .select_related("snapshot", "pool", "project", "purchase__created_by")
    )


def with_endings(found: QuerySet[Lot]) -> QuerySet[Lot]:
    """Lots with everything that their documents name: `cancelling` and `expired` as lists."""
    return found.select_related("snapshot", "pool", "project", "purchase").prefetch_related(
        Prefetch(
            "cancellations",
            Cancellation.objects.filter(status=CancellationStatus.SCHEDULED).order_by(
                "ends_on", "pk"
            ),
            to_attr="cancelling",
        ),
        Prefetch("expiries", Expiry.objects.order_by("ended_on", "pk"), to_attr="expired"),
    )


def purchases(organization: Organization) -> QuerySet[Purchase]:
    """Purchases with their lots, newest first."""
    return (
        Purchase.objects.filter(organization=organization)
        .select_related("snapshot", "project", "pool", "created_by")
        .prefetch_related(Prefetch("lots", with_endings(Lot.objects.order_by("pk"))))
        .order_by("-pk")
    )


def find_lot(organization: Organization, lot_id: str) -> Lot:
    """A lot with what its document shows. Raises NotFound, for another's lot too (R18)."""
    lot = lots(organization).filter(public_id=lot_id).first()
    if lot is None:
        raise NotFound(f"There is no lot “{lot_id}”.")
    return lot


def find_purchase(organization: Organization, purchase_id: str) -> Purchase:
    """A purchase with its lots. Raises NotFound, for another's purchase too (R18)."""
    purchase = purchases(organization).filter(public_id=purchase_id).first()
    if purchase is None:
        raise NotFound(f"There is no purchase “{purchase_id}”.")
    return purchase


def pools(organization: Organization, *, model: str | None = None) -> QuerySet[Pool]:
    """Pools, newest first."""
    found = Pool.objects.filter(organization=organization)
    if model is not None:
        found = found.filter(snapshot__model=model)
    return found.select_related("snapshot").order_by("-pk")


def cancellations(
    organization: Organization, *, model: str | None = None
) -> QuerySet[Cancellation]:
    """Cancellations of every status, newest first."""
    found = Cancellation.objects.filter(organization=organization)
    if model is not None:
        found = found.filter(lot__snapshot__model=model)
    return found.select_related("lot", "requested_by").order_by("-pk")


def expiries(organization: Organization, *, model: str) -> QuerySet[Expiry]:
    """Expired tokens of a snapshot, newest first."""
    return (
        Expiry.objects.filter(organization=organization, lot__snapshot__model=model)
        .select_related("lot")
        .order_by("-pk")
    )


def renewing_past(organization: Organization, commitment_ends_on: date) -> QuerySet[Lot]:
    """Lots whose commitment ends on a day, with the `renewing_units` that nobody has cancelled."""
    scheduled = Cancellation.objects.filter(lot=OuterRef("pk"), status=CancellationStatus.SCHEDULED)
    cancelled = scheduled.values("lot").annotate(cancelled=Sum("units")).values("cancelled")
    return (
        _active(organization)
        .filter(commitment_ends_on=commitment_ends_on)
        .annotate(renewing_units=F("active_units") - Coalesce(Subquery(cancelled), 0))
        .filter(renewing_units__gt=0)
        .select_related("snapshot")
        .order_by("pk")
    )


def transactions(
    organization: Organization, *, model: str | None = None, lot: Lot | None = None
) -> QuerySet[Transaction]:
    """Prior transactions, newest first."""
    found = Transaction.objects.filter(organization=organization)
    if model is not None:
        found = found.filter(snapshot__model=model)
    if lot is not None:
        found = found.filter(lot=lot)
    return found.select_related("snapshot", "lot", "by").order_by("-pk")


def _active(organization: Organization) -> QuerySet[Lot]:
    return Lot.objects.filter(organization=organization, active_units__gt=0)


def _add_ends(organization: Organization, found: dict[int, Provisioned]) -> None:
    for row in (
        scheduled_cancellations(organization)
        .order_by()
        .values("lot__snapshot_id", "ends_on")
        .annotate(ending=Sum("units"))
        .order_by("ends_on")
    ):
        entry = found.get(row["lot__snapshot_id"])
        if entry is not None:
            entry.ending_units += row["ending"]
            entry.next_end = entry.next_end or row["ends_on"]


@dataclass(frozen=True, slots=True)
class Total:
    """Everything that is active now, over all snapshots."""

    tpm: dict[Kind, int]
    per_day: Money
    models: int
    ending_units: int
    next_end: date | None


def summed(held: Sequence[Provisioned]) -> Total:
    """The total of what is provisioned, kinds in their usual order."""
    ends = [entry.next_end for entry in held if entry.next_end]
    by_kind = {kind: sum(entry.tpm.get(kind, 0) for entry in held) for kind in Kind}
    return Total(
        tpm={kind: tpm for kind, tpm in by_kind.items() if tpm},
        per_day=sum((entry.per_day for entry in held), start=Money(0, settings.CURRENCY)),
        models=len(held),
        ending_units=sum(entry.ending_units for entry in held),
        next_end=min(ends, default=None),
    )
