"""Orders: what somebody wants to buy, checked and priced, before anything is bought.

A quote (the dry run) and a purchase both come from here, so they can never disagree.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import reduce
from operator import add
from typing import Any

from django.conf import settings
from django.db.models import F, Sum

from accounts.errors import InvalidRequest, NotFound, Refusal
from accounts.models import Organization, Project
from billing.domain.money import Money
from billing.queries.order_forms import account_of
from capacity.domain.terms import Term
from capacity.models import Kind, Lot, Pool, Snapshot, TokenUnit
from capacity.queries.catalogue import Listing, listing
from capacity.queries.refusals import reasons_to_refuse

MAX_UNITS = 1_000_000


@dataclass(frozen=True, slots=True)
class Order:
    """Units of one snapshot for one project and pool; `pool` None is the default pool."""

    listing: Listing
    units: Mapping[Kind, int]
    project: Project
    pool: Pool | None

    @property
    def snapshot(self) -> Snapshot:
        return self.listing.snapshot


@dataclass(frozen=True, slots=True)
class Line:
    """One kind of an order: becomes one lot and one charge."""

    token_unit: TokenUnit
    units: int
    price: Money
    days: int

    @property
    def kind(self) -> Kind:
        return Kind(self.token_unit.kind)

    @property
    def tpm_added(self) -> int:
        return self.units * self.token_unit.tpm

    @property
    def per_day(self) -> Money:
        return self.price * self.units

    @property
    def amount(self) -> Money:
        """R3: units x price per day x days of the first term."""
        return self.per_day * self.days


@dataclass(frozen=True, slots=True)
class TpmChange:
    """Tokens per minute of one kind, over all pools of the snapshot."""

    before: int
    after: int


@dataclass(frozen=True, slots=True)
class Quote:
    """What an order costs and brings, at standard rates (R9), and why it would be refused."""

    order: Order
    term: Term
    lines: Sequence[Line]
    tpm: Mapping[Kind, TpmChange]
    refusals: Sequence[Refusal]

    @property
    def due_now(self) -> Money:
        return _total(line.amount for line in self.lines)

    @property
    def then_per_day(self) -> Money:
        return _total(line.per_day for line in self.lines)

    @property
    def commitment_cost(self) -> Money:
        """List price of the 30 days that the purchase commits to."""
        days = (self.term.commitment_ends_on - self.term.starts_on).days
        return self.then_per_day * days


def read_order(
    *,
    organization: Organization,
    model: str,
    units: Mapping[str, int],
    on: date,
    project: str | None = None,
    pool: str | None = None,
) -> Order:
    """An order from what a person or program typed.

    Raises NotFound for a model, project or pool that is not there, InvalidRequest for units that
    cannot be bought of this model; each names the field.
    """
    found = listing(organization=organization, model=model, on=on)
    return Order(
        listing=found,
        units=_checked_units(found, units, on),
        project=_project(organization, project),
        pool=_pool(organization, found.snapshot, pool),
    )


def quote(*, organization: Organization, order: Order, on: date) -> Quote:
    """The dry run of a purchase on the service day `on`. Changes nothing."""
    term = Term.bought_on(on, account_of(organization).period_containing(on))
    lines = [
        Line(offer.unit, order.units[offer.kind], offer.price, term.first_term_days)
        for offer in order.listing.offers
        if order.units.get(offer.kind) and offer.price
    ]
    held = tpm_by_kind(organization, order.snapshot)
    return Quote(
        order=order,
        term=term,
        lines=lines,
        tpm={
            line.kind: TpmChange(
                before=held.get(line.kind, 0), after=held.get(line.kind, 0) + line.tpm_added
            )
            for line in lines
        },
        refusals=reasons_to_refuse(
            organization=organization, listing=order.listing, units=order.units, term=term
        ),
    )


def tpm_by_kind(organization: Organization, snapshot: Snapshot) -> dict[Kind, int]:
    """Tokens per minute active now, by kind, over all pools of the snapshot."""
    rows = (
        Lot.objects.filter(organization=organization, snapshot=snapshot, active_units__gt=0)
        .values("kind")
        .annotate(held_tpm=Sum(F("active_units") * F("tpm_per_unit")))
    )
    return {Kind(row["kind"]): row["held_tpm"] for row in rows}


def projects_of(organization: Organization) -> list[Project]:
    """The organization's projects, the default one first."""
    return list(Project.objects.filter(organization=organization).order_by("-is_default", "name"))


def pools_of(organization: Organization, *, model: str) -> list[Pool]:
    """The organization's pools of one snapshot, the default one first, then as they were made."""
    return list(
        Pool.objects.filter(organization=organization, snapshot__model=model).order_by(
            "-is_default", "pk"
        )
    )


def _checked_units(found: Listing, units: Mapping[str, int], on: date) -> dict[Kind, int]:
    sold = {offer.kind: offer for offer in found.offers}
    errors: dict[str, list[str]] = {}
    for kind, wanted in units.items():
        offer = sold.get(kind)  # type: ignore[call-overload]  # a plain string equals its Kind
        problem = None
        if offer is None:
            names = " and ".join(sold) or "nothing at all"
            problem = f"{found.snapshot} has no {kind} units; it is sold as {names}."
        elif not 0 <= wanted <= MAX_UNITS:
            problem = f"Between 0 and {MAX_UNITS:,} units of a kind can be bought at once."
        elif wanted and offer.price is None:
            problem = f"{found.snapshot} has no price on {on} yet."
        if problem:
            errors[f"units.{kind}"] = [problem]
    if not errors and not any(units.values()):
        errors["units"] = ["Choose at least one unit."]
    if errors:
        raise InvalidRequest(" ".join(message for [message] in errors.values()), errors=errors)
    return {kind: units[kind] for kind in sold if units.get(kind)}


def _project(organization: Organization, project: str | None) -> Project:
    wanted: dict[str, Any] = {"public_id": project} if project else {"is_default": True}
    found = Project.objects.filter(organization=organization, **wanted).first()
    if found is None:
        message = f"There is no project “{project}”."
        raise NotFound(message, errors={"project": [message]})
    return found


def _pool(organization: Organization, snapshot: Snapshot, pool: str | None) -> Pool | None:
    if not pool:
        return None
    found = Pool.objects.filter(organization=organization, public_id=pool).first()
    if found is None:
        message = f"There is no pool “{pool}”."
        raise NotFound(message, errors={"pool": [message]})
    if found.snapshot_id != snapshot.pk:
        raise InvalidRequest.field("pool", f"Pool “{pool}” is not a pool of {snapshot}.")
    return found


def _total(amounts: Any) -> Money:
    return reduce(add, amounts, Money(0, settings.CURRENCY))
