"""The reference's spend of a period, as limits count it (R10), one unit and one day at a time."""

from datetime import date
from typing import TYPE_CHECKING

from tests.simulation.records import ONE_DAY, Limit, Lot

if TYPE_CHECKING:
    from tests.simulation.reference import ReferenceOrganization


def passes_hard_limit(company: "ReferenceOrganization", cost: int, *, in_project: bool) -> bool:
    """Whether a purchase that costs so much in the present period passes a hard limit."""
    return any(
        limit.is_hard and spend(company, limit) + cost > limit.amount
        for limit in company.limits_of(in_project)
    )


def posted(company: "ReferenceOrganization", limit: Limit) -> int:
    """What is charged in the present period."""
    start = company.period_start(company.today)
    return sum(
        charge.amount
        for charge in company.charges
        if charge.posted_on >= start and limit.of_project in (None, charge.in_project)
    )


def spend(company: "ReferenceOrganization", limit: Limit) -> int:
    """What is charged in the present period, and the renewals that are still to come in it."""
    to_come, day = 0, company.today + ONE_DAY
    while not company.starts_period(day):
        to_come += sum(
            _renewal(company, lot, day)
            for lot in company.lots
            if limit.of_project in (None, lot.in_project)
        )
        day += ONE_DAY
    return posted(company, limit) + to_come


def _renewal(company: "ReferenceOrganization", lot: Lot, day: date) -> int:
    """What a lot will be charged on a day to come, by the ends that are known today."""
    if day < lot.first_term_end or company.catalogue.retired(lot.model, day):
        return 0
    units = [unit for unit in lot.active() if unit.ends_on is None or unit.ends_on > day]
    if day < lot.commitment_end:
        return len(units) * lot.price
    renewal = max(lot.commitment_end, lot.first_term_end, company.today + ONE_DAY)
    while renewal <= day:
        if company.order_form(renewal) is None:
            return 0
        renewal += ONE_DAY
    return len(units) * company.catalogue.price(lot.model, lot.kind, day)
