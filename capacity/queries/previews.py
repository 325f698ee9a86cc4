"""What an order being put together would mean, however incomplete: the Summary at checkout."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from django.conf import settings

from accounts.errors import InvalidRequest
from accounts.models import Organization
from billing.domain.money import Money
from billing.queries.order_forms import account_of
from capacity.domain.terms import Term
from capacity.models import Snapshot
from capacity.queries.catalogue import Listing, Offer, listing
from capacity.queries.orders import Quote, TpmChange, quote, read_order, tpm_by_kind
from capacity.queries.refusals import reasons_to_refuse


@dataclass(frozen=True, slots=True)
class PreviewLine:
    """One kind that the model is sold in, wanted or not."""

    offer: Offer
    units: int
    tpm: TpmChange

    @property
    def tpm_added(self) -> int:
        return self.tpm.after - self.tpm.before

    @property
    def per_day(self) -> Money:
        price = self.offer.price or Money(0, settings.CURRENCY)
        return price * self.units


@dataclass(frozen=True, slots=True)
class Preview:
    """A quote if the order can be priced, else the frame of one; and everything against it."""

    listing: Listing
    term: Term
    lines: Sequence[PreviewLine]
    quote: Quote | None
    problems: Sequence[str]

    @property
    def snapshot(self) -> Snapshot:
        return self.listing.snapshot

    @property
    def due_now(self) -> Money:
        return self.quote.due_now if self.quote else Money(0, settings.CURRENCY)

    @property
    def then_per_day(self) -> Money:
        return self.quote.then_per_day if self.quote else Money(0, settings.CURRENCY)

    @property
    def commitment_cost(self) -> Money:
        return self.quote.commitment_cost if self.quote else Money(0, settings.CURRENCY)

    @property
    def wanted(self) -> Sequence[PreviewLine]:
        return [line for line in self.lines if line.units]


def preview(
    *,
    organization: Organization,
    model: str,
    units: Mapping[str, int],
    on: date,
    project: str | None = None,
    pool: str | None = None,
) -> Preview:
    """Never refuses what is merely incomplete or unbuyable: that is what `problems` says.

    Raises NotFound for a model, project or pool that is not there.
    """
    if not any(units.values()):
        return _frame(organization, model, on, problems=[])
    try:
        order = read_order(
            organization=organization, model=model, units=units, on=on, project=project, pool=pool
        )
    except InvalidRequest as refusal:
        wrong = [message for messages in refusal.errors.values() for message in messages]
        return _frame(organization, model, on, problems=wrong)
    quoted = quote(organization=organization, order=order, on=on)
    return Preview(
        listing=order.listing,
        term=quoted.term,
        lines=_lines(organization, order.listing, units),
        quote=quoted,
        problems=[refusal.detail for refusal in quoted.refusals],
    )


def _frame(organization: Organization, model: str, on: date, *, problems: Sequence[str]) -> Preview:
    """Without a quote: the dates, and what is refused whatever the units."""
    found = listing(organization=organization, model=model, on=on)
    term = Term.bought_on(on, account_of(organization).period_containing(on))
    refusals = reasons_to_refuse(organization=organization, listing=found, units={}, term=term)
    return Preview(
        listing=found,
        term=term,
        lines=_lines(organization, found, {}),
        quote=None,
        problems=[*problems, *(refusal.detail for refusal in refusals)],
    )


def _lines(
    organization: Organization, found: Listing, units: Mapping[str, int]
) -> list[PreviewLine]:
    held = tpm_by_kind(organization, found.snapshot)
    return [
        _line(offer, units.get(offer.kind, 0), held.get(offer.kind, 0)) for offer in found.offers
    ]


def _line(offer: Offer, units: int, before: int) -> PreviewLine:
    return PreviewLine(offer, units, TpmChange(before, before + units * offer.unit.tpm))
