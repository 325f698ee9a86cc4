"""What is due at the opening of a day (R7)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from django.contrib.postgres.aggregates import BoolOr
from django.db.models import Exists, Q, QuerySet

from accounts.models import Organization
from billing.queries.spend import limits_of
from capacity.models import (
    Cancellation,
    CancellationStatus,
    Lot,
    PurchaseRequest,
    PurchaseRequestStatus,
)
from capacity.queries.order_form_ends import order_form_ends
from common.conditions import any_of

COMMITMENT_NOTICE = timedelta(days=3)
"""The email about the end of a commitment is enqueued this long before it."""


@dataclass(frozen=True, slots=True)
class DueSteps:
    """Which steps of a day can concern the organizations; the others need no statement.

    Most days of most organizations only renew, or nothing at all. A step that is due may still find
    nothing to do: it has the whole rule, and this only what is cheap to know.
    """

    cancellations: bool
    lapses: bool
    retirements: bool
    renewals: bool
    ends_of_commitment: bool
    order_form_ends: bool
    spend_limits: bool
    renewals_past_commitment: bool

    @property
    def expiries(self) -> bool:
        """Return whether units can expire, whatever the reason."""
        return self.cancellations or self.retirements or self.renewals_past_commitment


def active_lots_of(organizations: Sequence[int]) -> QuerySet[Lot]:
    """Return the lots with active units of organizations, given by primary key."""
    return Lot.objects.filter(any_of("organization", organizations), active_units__gt=0)


def uncharged_lots_of(organizations: Sequence[int], on: date) -> QuerySet[Lot]:
    """Return the lots with active units that are not charged yet for the service day `on` (R4)."""
    return active_lots_of(organizations).filter(charged_until__lte=on)


def due_cancellations(organizations: Sequence[int], on: date) -> QuerySet[Cancellation]:
    """Return the scheduled cancellations whose end has come by the service day `on` (R5)."""
    return Cancellation.objects.filter(
        any_of("organization", organizations), status=CancellationStatus.SCHEDULED, ends_on__lte=on
    )


def due_requests(organizations: Sequence[int], on: date) -> QuerySet[PurchaseRequest]:
    """Return the requests that lapse by the day `on`: nobody has decided them (R20)."""
    return PurchaseRequest.objects.filter(
        any_of("organization", organizations),
        status=PurchaseRequestStatus.PENDING,
        lapses_on__lte=on,
    )


def due_steps(organizations: Sequence[int], on: date) -> DueSteps:
    """Return the steps that the service day `on` needs, in two statements for all organizations."""
    uncharged = Q(charged_until__lte=on)
    lots = (
        active_lots_of(organizations)
        .order_by()
        .aggregate(
            retirements=BoolOr(Q(snapshot__retires_on__lte=on), default=False),
            renewals=BoolOr(uncharged, default=False),
            ends_of_commitment=BoolOr(Q(commitment_ends_on=on + COMMITMENT_NOTICE), default=False),
            renewals_past_commitment=BoolOr(
                uncharged & Q(commitment_ends_on__lte=on), default=False
            ),
        )
    )
    ends = Organization.objects.filter(pk=organizations[0]).values(
        cancellations=Exists(due_cancellations(organizations, on)),
        lapses=Exists(due_requests(organizations, on)),
        order_form_ends=Exists(order_form_ends(organizations, on).order_by()),
        spend_limits=Exists(limits_of(organizations)),
    )
    return DueSteps(**ends.get(), **lots)
