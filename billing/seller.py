"""What billing asks of whoever sells: the one seam between money and product.

Billing charges and invoices what it is told, and knows nothing of what is sold. Where it needs the
seller's knowledge it asks this protocol, which the composition root connects.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Protocol

from accounts.models import Organization
from accounts.operations.days import DayOpener
from billing.domain.order_forms import OrderFormSpan


@dataclass(frozen=True, slots=True)
class ComingRenewal:
    """Units that will be charged, if nothing changes, on each service day of `[start, end)`.

    `project` is a primary key; `price_per_day` is the list price of one unit, in minor units.
    """

    model: str
    kind: str
    project: int
    start: date
    end: date
    units: int
    price_per_day: int


class Seller(DayOpener, Protocol):
    """Who sells: opens days, and knows the renewals to come."""

    def renewals_to_come(
        self,
        *,
        organization: Organization,
        on: date,
        until: date,
        order_forms: Sequence[OrderFormSpan],
    ) -> Iterable[ComingRenewal]:
        """Return the renewals of the service days from `on` to before `until` still to be charged.

        Known ends are taken into account: cancellations, retirements, and days from `on` without
        one of the `order_forms`.
        """


class _Connection:
    seller: Seller | None = None


def connect_seller(seller: Seller) -> None:
    """Called once, when the process starts."""
    _Connection.seller = seller


def connected_seller() -> Seller:
    assert _Connection.seller, "the composition root connects a Seller"
    return _Connection.seller
