"""The renewals that hard limits are about to refuse (R10)."""

from dataclasses import dataclass
from datetime import date, timedelta

from accounts.models import Organization
from billing.queries.standing import standing
from capacity.models import Lot
from capacity.queries.renewals import units_that_limits_end

AHEAD = timedelta(days=7)
"""So long before a renewal would be refused, its organization is told."""


@dataclass(frozen=True, slots=True)
class RefusedRenewal:
    """Units of a lot that will expire on a day because a hard limit does not let them renew."""

    lot: Lot
    units: int
    ends_on: date


def refused_renewals(organization: Organization, *, on: date) -> list[RefusedRenewal]:
    """Return the units that hard limits will end in the 7 days after `on`, the first ones first."""
    until = on + AHEAD + timedelta(days=1)
    present = standing(organization, on)
    limits = present.hard_limits(present.periods_until(until))
    if limits is None:
        return []
    ends = units_that_limits_end(
        organization=organization,
        on=on,
        until=until,
        order_forms=present.form_spans,
        limits=limits,
    )
    lots = Lot.objects.select_related("snapshot").in_bulk([end.key for end in ends if end.key])
    return [RefusedRenewal(lots[end.key], end.units, end.on) for end in ends if end.key]
