"""The catalogue on a day: snapshots, their token units, list prices in force and supply left."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from typing import Any

from django.db.models import (
    BigIntegerField,
    Case,
    F,
    Func,
    JSONField,
    OuterRef,
    PositiveBigIntegerField,
    Q,
    QuerySet,
    Subquery,
    Sum,
    TextField,
    Value,
    When,
)
from django.db.models.expressions import CombinedExpression, RawSQL
from django.db.models.functions import Cast, Coalesce, Concat

from accounts.models import Organization
from billing.domain.money import Money
from capacity.models import (
    Cancellation,
    Kind,
    ListPrice,
    Lot,
    PayAsYouGoPrice,
    Snapshot,
    TokenUnit,
)
from common.errors import NotFound

KIND_ORDER = {kind: position for position, kind in enumerate(Kind)}


@dataclass(frozen=True, slots=True)
class Offer:
    """One kind of token unit as an organization can buy it on a day."""

    unit: TokenUnit
    price: Money | None
    """List price of one unit and service day; None if none is in force yet."""
    available: int | None
    """Units left for this organization; None without a supply cap (R12)."""

    @property
    def kind(self) -> Kind:
        return Kind(self.unit.kind)


@dataclass(frozen=True, slots=True)
class Listing:
    """A snapshot with its offers, input before output before combined."""

    snapshot: Snapshot
    offers: Sequence[Offer]

    def offer(self, kind: str) -> Offer | None:
        """Return the offer of a kind, or None if the snapshot has no such units."""
        return next((offer for offer in self.offers if offer.kind == kind), None)


def by_provider(listings: Iterable[Listing]) -> list[tuple[str, list[Listing]]]:
    """Return listings, which are in the order of their providers, by the name of the provider."""
    grouped = groupby(listings, key=lambda listing: listing.snapshot.provider_name)
    return [(provider, list(of_provider)) for provider, of_provider in grouped]


def prices_in_force(on: date) -> QuerySet[ListPrice]:
    """Return list prices that start on or before a day. The first is in force (R6)."""
    return ListPrice.objects.filter(from_on__lte=on).order_by("-from_on")


def pay_as_you_go_price(snapshot: Snapshot, on: date) -> PayAsYouGoPrice | None:
    """Return what the account plan costs for a snapshot on a day; None if nobody has said."""
    prices = PayAsYouGoPrice.objects.filter(snapshot=snapshot, from_on__lte=on)
    return prices.order_by("-from_on").first()


def agreed_price(on: date) -> Case:
    """Return an expression for queries of lots: the agreed price, in minor units (R6).

    It is null if the price no longer holds on the service day `on`, that is, after the commitment
    and the first term.
    """
    holds = Q(commitment_ends_on__gt=on) | Q(first_term_ends_on__gt=on)
    return Case(When(holds, then=F("price_per_day")), output_field=PositiveBigIntegerField())


PRICES_IN_FORCE = """
    SELECT jsonb_object_agg(unit.snapshot_id || '/' || unit.kind, price.amount)
    FROM (
        SELECT DISTINCT ON (token_unit_id) token_unit_id, amount FROM capacity_listprice
        WHERE from_on <= %s ORDER BY token_unit_id, from_on DESC
    ) price
    JOIN capacity_tokenunit unit ON unit.id = price.token_unit_id
"""


# Also of prices that come into force up to a day, whether or not they are superseded by then.
HIGHEST_PRICES = """
    SELECT jsonb_object_agg(snapshot_id || '/' || kind, amount)
    FROM (
        SELECT unit.snapshot_id, unit.kind, max(price.amount) AS amount
        FROM capacity_tokenunit unit
        JOIN capacity_listprice price ON price.token_unit_id = unit.id
        WHERE price.from_on <= %s AND NOT EXISTS (
            SELECT FROM capacity_listprice later
            WHERE later.token_unit_id = unit.id
              AND later.from_on > price.from_on AND later.from_on <= %s
        )
        GROUP BY unit.id
    ) highest
"""


class _ListPrice(Func):
    """Looks a price up in all prices that are in force, which a statement reads only once.

    A subquery for each lot would take longer than to charge it.
    """

    template = "((%(expressions)s)::bigint)"
    arg_joiner = " ->> "
    output_field = PositiveBigIntegerField()


def list_price(on: date) -> Func:
    """Return an expression for queries with `snapshot` and `kind`: the list price in force (R6).

    It is minor units for one unit on the service day `on`; null if none is in force.
    """
    return _looked_up(PRICES_IN_FORCE, on)


def highest_list_price(first: date, last: date) -> Func:
    """Return an expression like `list_price`: the highest price in force from `first` to `last`."""
    return _looked_up(HIGHEST_PRICES, last, first)


def _looked_up(prices: str, *days: date) -> Func:
    by_unit = RawSQL(prices, days, JSONField())  # noqa: S611 - a constant above
    unit = Concat(Cast("snapshot", TextField()), Value("/"), "kind", output_field=TextField())
    return _ListPrice(by_unit, unit)


def lot_price(on: date) -> Coalesce:
    """Return an expression for queries of lots: the price of one unit on a day, in minor units.

    It is the agreed price while that holds, later the list price in force (R6).
    """
    return Coalesce(agreed_price(on), list_price(on))


def unit_prices(
    snapshots: QuerySet[Any, Mapping[str, Any]], *, on: date
) -> dict[tuple[int, str], Money]:
    """Return the list price of one unit and service day, by primary key of the snapshot and kind.

    `snapshots` is a query of primary keys. Units without a price in force are left out.
    """
    in_force = prices_in_force(on).filter(token_unit=OuterRef("pk"))
    rows = TokenUnit.objects.filter(snapshot__in=snapshots).annotate(
        price_amount=Subquery(in_force.values("amount")[:1]),
        price_currency=Subquery(in_force.values("currency")[:1]),
    )
    return {
        (row.snapshot_id, row.kind): Money(row.price_amount, row.price_currency)
        for row in rows
        if row.price_amount is not None
    }


def listings(*, organization: Organization, on: date) -> list[Listing]:
    """Return all snapshots as the organization can buy them on a day, by provider and name."""
    offers = _offers(TokenUnit.objects.all(), organization, on)
    snapshots = Snapshot.objects.order_by("provider", "name")
    return [Listing(snapshot, offers.get(snapshot.pk, [])) for snapshot in snapshots]


def find_listing(*, organization: Organization, model: str, on: date) -> Listing:
    """Return one snapshot, by its id, as the organization can buy it on a day. Raises NotFound."""
    units = TokenUnit.objects.filter(snapshot__model=model).select_related("snapshot")
    offers = next(iter(_offers(units, organization, on).values()), None)
    if offers:
        return Listing(offers[0].unit.snapshot, offers)
    if snapshot := Snapshot.objects.filter(model=model).first():
        return Listing(snapshot, [])
    raise NotFound(f"There is no model “{model}”.")


def _offers(
    units: QuerySet[TokenUnit], organization: Organization, on: date
) -> dict[int, list[Offer]]:
    """Return the offers of token units by primary key of the snapshot, in the order of kinds."""
    in_force = prices_in_force(on).filter(token_unit=OuterRef("pk"))
    annotated = units.annotate(
        price_amount=Subquery(in_force.values("amount")[:1]),
        price_currency=Subquery(in_force.values("currency")[:1]),
        held=Case(
            When(supply_cap__isnull=False, then=units_held(organization, on)),
            output_field=BigIntegerField(),
        ),
    )
    offers: dict[int, list[Offer]] = {}
    for unit in sorted(annotated, key=lambda unit: KIND_ORDER[Kind(unit.kind)]):
        price = None if unit.price_amount is None else Money(unit.price_amount, unit.price_currency)
        available = None if unit.supply_cap is None else max(0, unit.supply_cap - unit.held)
        offers.setdefault(unit.snapshot_id, []).append(Offer(unit, price, available))
    return offers


def units_held(organization: Organization, on: date) -> CombinedExpression:
    """Return an expression for queries of token units: the units that customers hold (R12).

    For an ordinary organization these are the units of all ordinary organizations, which share the
    cap. For a sandbox these are its own units: its purchases take nothing from others (R13). Units
    whose end has come are not counted, even if the day that expires them is not open yet.
    """
    holders = (
        Q(organization=organization)
        if organization.is_sandbox
        else Q(organization__is_sandbox=False)
    )
    same_unit = {"snapshot": OuterRef("snapshot"), "kind": OuterRef("kind")}
    active = Lot.objects.filter(holders, active_units__gt=0, **same_unit).order_by()
    ended = Cancellation.objects.filter(
        holders,
        status="scheduled",
        ends_on__lte=on,
        lot__active_units__gt=0,
        lot__snapshot=OuterRef("snapshot"),
        lot__kind=OuterRef("kind"),
    ).order_by()
    return _sum(active, "kind", "active_units") - _sum(ended, "lot__kind", "units")


def _sum(rows: QuerySet[Lot] | QuerySet[Cancellation], group: str, units: str) -> Coalesce:
    """Return the sum of the column `units` as a subquery. All rows have the same `group`."""
    total = rows.values(group).annotate(total=Sum(units)).values("total")
    return Coalesce(Subquery(total, output_field=BigIntegerField()), 0)
