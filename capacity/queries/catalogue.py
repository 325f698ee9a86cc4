"""The catalogue as of a day: snapshots, their token units, list prices in force, supply left."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from django.db.models import (
    Case,
    F,
    OuterRef,
    PositiveBigIntegerField,
    Q,
    QuerySet,
    Subquery,
    Sum,
    When,
)
from django.db.models.functions import Coalesce

from accounts.errors import NotFound
from accounts.models import Organization
from billing.domain.money import Money
from capacity.models import Kind, ListPrice, Lot, Snapshot, TokenUnit

KIND_ORDER = {kind: position for position, kind in enumerate(Kind)}


@dataclass(frozen=True, slots=True)
class Offer:
    """One kind of token unit as an organization can buy it on a day."""

    unit: TokenUnit
    price: Money | None
    """List price a unit and service day; None where none is in force yet."""
    available: int | None
    """Units left for this organization; None where supply is not capped (R12)."""

    @property
    def kind(self) -> Kind:
        return Kind(self.unit.kind)


@dataclass(frozen=True, slots=True)
class Listing:
    """A snapshot with its offers, input before output before combined."""

    snapshot: Snapshot
    offers: Sequence[Offer]

    def offer(self, kind: Kind) -> Offer | None:
        return next((offer for offer in self.offers if offer.kind == kind), None)


def prices_in_force(on: date) -> QuerySet[ListPrice]:
    """List prices dated on or before a service day, the one in force first (R6)."""
    return ListPrice.objects.filter(from_on__lte=on).order_by("-from_on")


def agreed_price(on: date) -> Case:
    """R6, for a query of lots: the price agreed at purchase, minor units; null where it no longer
    holds on the service day `on`, after the commitment and the first term."""
    holds = Q(commitment_ends_on__gt=on) | Q(first_term_ends_on__gt=on)
    return Case(When(holds, then=F("price_per_day")), output_field=PositiveBigIntegerField())


def list_price(on: date) -> Subquery:
    """For a query with `snapshot` and `kind`: the list price in force on a day, minor units."""
    in_force = prices_in_force(on).filter(
        token_unit__snapshot=OuterRef("snapshot"), token_unit__kind=OuterRef("kind")
    )
    return Subquery(in_force.values("amount")[:1])


def lot_price(on: date) -> Coalesce:
    """R6, for a query of lots: list price of one unit on the service day `on`, minor units.

    Agreed at purchase within the commitment or the first term, later the one in force.
    """
    return Coalesce(agreed_price(on), list_price(on))


def listings(*, organization: Organization, on: date) -> list[Listing]:
    """Every snapshot as the organization can buy it on a day, in a fixed number of queries."""
    snapshots = list(Snapshot.objects.order_by("provider", "name"))
    return _with_offers(snapshots, organization=organization, on=on)


def listing(*, organization: Organization, model: str, on: date) -> Listing:
    """One snapshot by its public id. Raises NotFound."""
    snapshot = Snapshot.objects.filter(model=model).first()
    if snapshot is None:
        raise NotFound(f"There is no model “{model}”.")
    return _with_offers([snapshot], organization=organization, on=on)[0]


def _with_offers(
    snapshots: list[Snapshot], *, organization: Organization, on: date
) -> list[Listing]:
    in_force = prices_in_force(on).filter(token_unit=OuterRef("pk"))
    units = list(
        TokenUnit.objects.filter(snapshot__in=snapshots).annotate(
            price_amount=Subquery(in_force.values("amount")[:1]),
            price_currency=Subquery(in_force.values("currency")[:1]),
        )
    )
    held = held_of_supply(units, organization=organization, on=on)
    offers: dict[int, list[Offer]] = {}
    for unit in sorted(units, key=lambda unit: KIND_ORDER[Kind(unit.kind)]):
        price = None if unit.price_amount is None else Money(unit.price_amount, unit.price_currency)
        left = None
        if unit.supply_cap is not None:
            left = max(0, unit.supply_cap - held.get((unit.snapshot_id, unit.kind), 0))
        offers.setdefault(unit.snapshot_id, []).append(Offer(unit, price, left))
    return [Listing(snapshot, offers.get(snapshot.pk, [])) for snapshot in snapshots]


def held_of_supply(
    units: Sequence[TokenUnit], *, organization: Organization, on: date
) -> dict[tuple[int, str], int]:
    """Units held of each capped token unit, by (snapshot, kind), as R12 counts them.

    A real organization shares the cap with every other real one; a sandbox has it to itself, for
    its clock is its own and what it buys takes nothing from others (R13). Units whose end has
    come are not held, even where the day that expires them is still to be opened.
    """
    capped = [unit for unit in units if unit.supply_cap is not None]
    if not capped:
        return {}
    holders = (
        Q(organization=organization)
        if organization.is_sandbox
        else Q(organization__is_sandbox=False)
    )
    wanted = Q()
    for unit in capped:
        wanted |= Q(snapshot=unit.snapshot_id, kind=unit.kind)
    active = Lot.objects.filter(holders, wanted, active_units__gt=0)
    held = {
        (row["snapshot_id"], row["kind"]): row["units"]
        for row in active.values("snapshot_id", "kind").annotate(units=Sum("active_units"))
    }
    ended = (
        active.filter(cancellations__status="scheduled", cancellations__ends_on__lte=on)
        .values("snapshot_id", "kind")
        .annotate(units=Sum(F("cancellations__units")))
    )
    for row in ended:
        held[row["snapshot_id"], row["kind"]] -= row["units"]
    return held
