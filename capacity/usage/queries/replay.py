"""The replay of the last 30 days against any number of units, and what it would have cost (R16)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings

from accounts.models import Organization
from billing.domain.money import Money
from capacity.models import Kind, PayAsYouGoPrice, Snapshot
from capacity.queries.catalogue import Listing, Offer, pay_as_you_go_price
from capacity.usage.domain.coverage import Weights
from capacity.usage.domain.replay import (
    BreakEven,
    Outcome,
    Rates,
    Replay,
    Tokens,
    minor_units,
    sum_of,
)
from capacity.usage.queries.demand import DAYS, past_traffic
from capacity.usage.queries.recommendations import owned_units


@dataclass(frozen=True, slots=True)
class KindReplay:
    """The traffic of one kind of units, and how many units of it are active now."""

    offer: Offer
    owned: int
    replay: Replay

    @property
    def kind(self) -> Kind:
        return self.offer.kind

    @property
    def tokens(self) -> str:
        """Return what its tokens are called where they are counted with their weights."""
        return "weighted tokens" if self.replay.is_weighted else "tokens"

    def break_even(self, rates: Rates | None) -> BreakEven | None:
        """Return when a unit pays; None without a price of either, or without traffic."""
        if rates is None or self.offer.price is None:
            return None
        return self.replay.break_even(rates, price_per_day=self.offer.price.amount, days=DAYS)


@dataclass(frozen=True, slots=True)
class Costs:
    """What a day costs, on average of the 30, at today's standard rates. None: no price is known.

    `units` is the units, `over` what goes over them on the account plan, `alone` all tokens on it.
    """

    units: Money | None
    over: Money | None
    alone: Money | None

    @property
    def together(self) -> Money | None:
        """Return the units and what goes over them."""
        return self.units + self.over if self.units and self.over else None

    @property
    def more(self) -> Money | None:
        """Return how much more than the account plan alone the units cost; negative: less."""
        if self.together is None or self.alone is None:
            return None
        return self.together + self.alone * -1

    @property
    def less(self) -> Money | None:
        """Return how much less than the account plan alone the units cost."""
        return self.more * -1 if self.more else None


@dataclass(frozen=True, slots=True)
class PastTraffic:
    """The traffic of a snapshot in the 2,880 windows that end with the present one."""

    snapshot: Snapshot
    kinds: Sequence[KindReplay]
    total: Tokens
    price: PayAsYouGoPrice | None

    @property
    def rates(self) -> Rates | None:
        """Return what the account plan costs today; None if nobody has said."""
        if self.price is None:
            return None
        return Rates.of(
            uncached=self.price.input, cached=self.price.cached_input, output=self.price.output
        )

    def outcomes(self, units: Mapping[str, int]) -> list[Outcome]:
        """Return what the units would have covered, kind by kind."""
        return [row.replay.with_units(units.get(row.kind, 0)) for row in self.kinds]

    def costs(self, outcomes: Sequence[Outcome]) -> Costs:
        """Return what these outcomes would have cost a day. Each sum is rounded once.

        Combined units cover all tokens, so with any of them the other kinds cover nothing (R14).
        """
        pairs = list(zip(self.kinds, outcomes, strict=True))
        combined = [found for row, found in pairs if row.kind == Kind.COMBINED and found.units]
        covered = sum_of(found.covered for found in combined or outcomes)
        prices = [(row.offer.price, found.units) for row, found in pairs if found.units]
        of_units = [price * units for price, units in prices if price is not None]
        return Costs(
            units=sum(of_units, _money(0)) if len(of_units) == len(prices) else None,
            over=self._per_day(self.total.plus(covered, -1)),
            alone=self._per_day(self.total),
        )

    def _per_day(self, tokens: Tokens) -> Money | None:
        rates = self.rates
        return None if rates is None else _money(minor_units(rates.cost(tokens), days=DAYS))


def replay_past_traffic(
    organization: Organization, *, listing: Listing, now: datetime
) -> PastTraffic:
    """Return the last 30 days, ready to be replayed against any number of units.

    It is read in four statements, whatever the number of requests. `now` is the organization's
    time; prices are those of its day.
    """
    snapshot = listing.snapshot
    weights = Weights.of(snapshot.cached_weight, snapshot.output_weight)
    traffic = past_traffic(organization, snapshot, now=now)
    owned = owned_units(organization, snapshot)
    return PastTraffic(
        snapshot=snapshot,
        kinds=[
            KindReplay(
                offer,
                owned.get(offer.kind, 0),
                Replay(traffic, kind=offer.kind, weights=weights, tpm=offer.unit.tpm),
            )
            for offer in listing.offers
        ],
        total=sum_of(row[1:] for row in traffic),
        price=pay_as_you_go_price(snapshot, now.date()),
    )


def _money(amount: int) -> Money:
    """Return an amount in the currency of the installation."""
    return Money(amount, settings.CURRENCY)
