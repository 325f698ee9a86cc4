"""`Seller`: the protocol by which billing reads from the app that sells.

Billing does not know what is sold. `scaletier.apps` connects the object that implements the
protocol.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Protocol

from accounts.models import Organization
from accounts.operations.days import DayOpener
from billing.domain.limits import HardLimits
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
    """Opens days, and knows the renewals to come."""

    def renewals_to_come(
        self,
        *,
        organization: Organization,
        on: date,
        until: date,
        order_forms: Sequence[OrderFormSpan],
        limits: HardLimits | None = None,
    ) -> Iterable[ComingRenewal]:
        """Return the renewals that are still to be charged on the service days `[on, until)`.

        They take known ends into account: cancellations, retirements, days on which none of the
        `order_forms` is in force, and what the hard `limits` will end, if they are given.
        """


class _Connection:
    seller: Seller | None = None


def connect_seller(seller: Seller) -> None:
    """Set the seller. `scaletier.apps` calls it once, when the process starts."""
    _Connection.seller = seller


def connected_seller() -> Seller:
    """Return the seller that `connect_seller` set."""
    assert _Connection.seller, "the composition root connects a Seller"
    return _Connection.seller
