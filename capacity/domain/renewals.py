"""Arithmetic of the renewals to come of existing units (R4, R6, R11)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise

from billing.domain.order_forms import OrderFormSpan
from capacity.domain.timeline import Cause

DatedPrices = Sequence[tuple[date, int]]
"""List prices in minor units, each with the day from which it is in force, oldest first."""


@dataclass(frozen=True, slots=True)
class PriceAgreement:
    """The price agreed at purchase. It holds on the days before `until` (R6).

    `price` is minor units for one unit and service day.
    """

    price: int
    until: date

    @classmethod
    def of_lot(
        cls, *, price: int, commitment_ends_on: date, first_term_ends_on: date
    ) -> "PriceAgreement":
        """Return the agreement of a lot: it holds in the commitment and in the first term (R6)."""
        return cls(price, max(commitment_ends_on, first_term_ends_on))

    def price_on(self, day: date, list_prices: DatedPrices) -> int | None:
        """Return the price of a service day in minor units; None if no list price is in force."""
        if day < self.until:
            return self.price
        in_force = [price for start, price in list_prices if start <= day]
        return in_force[-1] if in_force else None


def known_end(
    *,
    cancelled_to: date | None,
    retires_on: date | None,
    commitment_ends_on: date,
    charged_until: date,
    order_forms: Sequence[OrderFormSpan],
) -> date | None:
    """Return the day on which units end, as far as it is known today; None if they go on renewing.

    Cancelled units end on the day of their end (R5). All units end when the model retires, and
    units past their commitment end at the first renewal without an order form in force (R11).
    """
    renews_from = max(commitment_ends_on, charged_until)
    ends = [
        max(span.start, renews_from)
        for span in order_forms
        if span.discounts is None and (span.end is None or span.end > renews_from)
    ]
    ends += [end for end in (cancelled_to, retires_on) if end]
    return min(ends, default=None)


def cause_of_end(
    end: date | None, *, cancelled_to: date | None, retires_on: date | None
) -> Cause | None:
    """Return why units have the `known_end`. Of several reasons on one day the first counts (R11).

    Without a cancellation or a retirement on that day it is the end of the last order form.
    """
    if end is None:
        return None
    if end == cancelled_to:
        return Cause.CANCELLED
    return Cause.MODEL_RETIRED if end == retires_on else Cause.ORDER_FORM_ENDED


def price_spans(
    start: date, end: date, *, agreement: PriceAgreement, list_prices: DatedPrices
) -> Iterator[tuple[date, date, int]]:
    """Yield the service days `[start, end)` as spans `(first, last, price)` of one price (R6).

    `last` is excluded. The price is minor units for one unit and day. Days without a price are left
    out.
    """
    boundaries = {start, end, agreement.until, *(day for day, _ in list_prices)}
    for first, last in pairwise(sorted(day for day in boundaries if start <= day <= end)):
        price = agreement.price_on(first, list_prices)
        if price is not None:
            yield first, last, price
