"""The renewals that hard limits are about to refuse (R10)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from django.db.models import F, Sum

from accounts.models import Organization
from billing.queries.spend import rooms
from billing.queries.standing import standing
from capacity.models import Lot
from capacity.queries.renewals import units_that_limits_end

AHEAD = timedelta(days=7)
"""So long before a renewal would be refused, its organization is told."""

MARGIN = 2
"""An organization is looked at closely if its limits leave less than what the days ahead would cost
at the agreed prices, times this: prices may have risen since."""


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


def organizations_near_limits(organizations: Sequence[int], *, on: date) -> set[int]:
    """Return those of the organizations whose hard limits may refuse a renewal in the 7 days."""
    least = rooms(organizations, on=on)
    days = AHEAD.days + 1
    costs = (
        Lot.objects.filter(organization__in=least, active_units__gt=0)
        .order_by()
        .values_list("organization")
        .annotate(cost=Sum(F("active_units") * F("price_per_day")))
    )
    return {key for key, cost in costs if least[key] < cost * days * MARGIN}
