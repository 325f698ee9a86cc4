"""Quotes: the dry runs of purchases, checked and priced (R3, R9).

A purchase is made from its quote, so the two always agree.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property

from django.conf import settings

from accounts.models import Organization, Project, User
from accounts.queries.projects import find_open_project
from billing.domain.money import Money
from billing.domain.periods import Period
from billing.queries.limits import LimitEffect, effects_of_purchase
from billing.queries.standing import standing
from capacity.domain.terms import Term
from capacity.models import Kind, Pool, Snapshot
from capacity.queries.active_capacity import tpm_by_kind
from capacity.queries.cancellations import TpmChange
from capacity.queries.catalogue import Listing, Offer, find_listing
from capacity.queries.pools import find_pool
from capacity.queries.purchasers import BuyerRights, buyer_rights
from capacity.queries.refusals import reasons_to_refuse
from common.errors import BusinessError, InvalidRequest

MAX_UNITS = 1_000_000


@dataclass(frozen=True, slots=True)
class QuoteLine:
    """One kind of units of a quote. With units it becomes one lot and one charge."""

    offer: Offer
    units: int
    days: int

    @property
    def kind(self) -> Kind:
        return self.offer.kind

    @property
    def price(self) -> Money:
        """Return the list price of one unit and service day; zero if none is in force."""
        return self.offer.price or Money(0, settings.CURRENCY)

    @property
    def tpm_added(self) -> int:
        return self.units * self.offer.unit.tpm

    @property
    def per_day(self) -> Money:
        return self.price * self.units

    @property
    def amount(self) -> Money:
        """Return units x price per day x days of the first term (R3)."""
        return self.per_day * self.days


@dataclass(frozen=True)
class Quote:
    """Costs and tokens per minute of a purchase at standard rates (R9), and its refusals."""

    organization: Organization
    rights: BuyerRights
    listing: Listing
    period: Period
    """The present invoice period."""
    term: Term
    all_lines: Sequence[QuoteLine]
    """A line for each kind of the snapshot, with or without units."""
    limits: Sequence[LimitEffect]
    """The effect on each spend limit that the purchase counts against (R10)."""
    refusals: Sequence[BusinessError]

    @property
    def snapshot(self) -> Snapshot:
        return self.listing.snapshot

    @property
    def lines(self) -> Sequence[QuoteLine]:
        """Return the lines with units."""
        return [line for line in self.all_lines if line.units]

    @cached_property
    def all_tpm(self) -> Mapping[Kind, TpmChange]:
        """Return the tokens per minute by kind, before and after the purchase.

        It reads the database when it is first used: a purchase does not need it.
        """
        active = tpm_by_kind(self.organization, self.snapshot)
        return {
            line.kind: TpmChange(
                before=active.get(line.kind, 0), after=active.get(line.kind, 0) + line.tpm_added
            )
            for line in self.all_lines
        }

    @property
    def tpm(self) -> Mapping[Kind, TpmChange]:
        """Return `all_tpm` of the kinds with units."""
        return {line.kind: self.all_tpm[line.kind] for line in self.lines}

    @property
    def due_now(self) -> Money:
        """Return the charge of the first term; it is paid with the invoice of the period."""
        return _total(line.amount for line in self.lines)

    @property
    def then_per_day(self) -> Money:
        return _total(line.per_day for line in self.lines)

    @property
    def needs_approval(self) -> bool:
        """Return whether it costs more per day than the buyer may buy without approval (R20)."""
        threshold = self.rights.approval_above
        return threshold is not None and self.then_per_day.amount > threshold.amount

    @property
    def committed_cost(self) -> Money:
        """Return what the units cost at least, the charge of today included, at list prices."""
        return self.then_per_day * self.term.committed_days


@dataclass(frozen=True, slots=True)
class CheckedPurchase:
    """A checked and priced request to buy. `pool` None is the snapshot's default pool."""

    quote: Quote
    project: Project
    pool: Pool | None


def check_purchase(
    *,
    organization: Organization,
    model: str,
    units: Mapping[str, int],
    buyer: User,
    on: date,
    project: str | None = None,
    pool: str | None = None,
) -> CheckedPurchase:
    """Check and price a purchase of units, by kind, on the service day `on`.

    `project` and `pool` are public ids; None is the default. Raises NotFound for a model, project
    or pool that does not exist, InvalidRequest for units that the model does not have and for an
    archived project. Refusals of rules are not raised; they are in the quote.
    """
    listing = find_listing(organization=organization, model=model, on=on)
    check_units(listing, units, on)
    return CheckedPurchase(
        project=find_open_project(organization, project),
        pool=_find_pool(organization, listing.snapshot, pool),
        quote=quote_units(
            organization=organization,
            listing=listing,
            units=units,
            buyer=buyer,
            on=on,
            project=project,
        ),
    )


def quote_units(
    *,
    organization: Organization,
    listing: Listing,
    units: Mapping[str, int],
    buyer: User,
    on: date,
    project: str | None = None,
) -> Quote:
    """Return the quote of units that `check_units` accepted, or of no units (R3, R9).

    `project` is the public id of the project whose limit counts; None is the default one.
    """
    present, rights = standing(organization, on), buyer_rights(organization, buyer)
    term, lines = priced_lines(listing, units, present.period, on)
    cost = _total(line.amount for line in lines)
    limits = effects_of_purchase(organization, present, project_id=project, cost=cost)
    return Quote(
        organization=organization,
        rights=rights,
        listing=listing,
        period=present.period,
        term=term,
        all_lines=lines,
        limits=limits,
        refusals=reasons_to_refuse(
            rights=rights,
            per_day=_total(line.per_day for line in lines),
            standing=present,
            listing=listing,
            units=units,
            term=term,
            limits=limits,
        ),
    )


def priced_lines(
    listing: Listing, units: Mapping[str, int], period: Period, on: date
) -> tuple[Term, list[QuoteLine]]:
    """Return the term of a purchase, and a line for each kind, with or without units (R3)."""
    term = Term.bought_on(on, period)
    lines = [
        QuoteLine(offer, units.get(offer.kind, 0), term.first_term_days) for offer in listing.offers
    ]
    return term, lines


def check_units(listing: Listing, units: Mapping[str, int], on: date) -> None:
    """Raises InvalidRequest for no units, or for units that the model does not have.

    It names each field: `units.input`.
    """
    errors = {
        f"units.{kind}": [problem]
        for kind, wanted in units.items()
        if (problem := _problem(listing, kind, wanted, on))
    }
    if not errors and not any(units.values()):
        errors["units"] = ["Choose at least one unit."]
    if errors:
        raise InvalidRequest(" ".join(message for [message] in errors.values()), errors=errors)


def _find_pool(organization: Organization, snapshot: Snapshot, pool_id: str | None) -> Pool | None:
    if not pool_id:
        return None
    pool = find_pool(organization, pool_id)
    if pool.snapshot_id != snapshot.pk:
        raise InvalidRequest.field("pool", f"Pool “{pool_id}” is not a pool of {snapshot}.")
    return pool


def _problem(listing: Listing, kind: str, wanted: int, on: date) -> str | None:
    """Return why this number of units of a kind cannot be bought; None if it can."""
    offer = listing.offer(kind)
    if offer is None:
        kinds = " and ".join(offer.kind for offer in listing.offers) or "nothing at all"
        return f"{listing.snapshot} has no {kind} units; it is sold as {kinds}."
    if not 0 <= wanted <= MAX_UNITS:
        return f"Between 0 and {MAX_UNITS:,} units of a kind can be bought at once."
    if wanted and offer.price is None:
        return f"{listing.snapshot} has no price on {on} yet."
    return None


def _total(amounts: Iterable[Money]) -> Money:
    return sum(amounts, start=Money(0, settings.CURRENCY))
