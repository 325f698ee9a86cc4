"""What the product foresees, compared with what happens if nobody changes anything (R22).

The reference says what happens: a copy of it lives on, day by day, and pays everything.
"""

from collections import Counter
from copy import deepcopy
from dataclasses import replace
from datetime import date
from fractions import Fraction

from billing.queries.forecast import ForecastPeriod, forecast
from billing.queries.limits import limits
from capacity.queries.refused_renewals import AHEAD, refused_renewals
from capacity.queries.timeline import timeline
from tests.simulation.approvals import Approvals
from tests.simulation.company import Company
from tests.simulation.records import ONE_DAY, Expiry, InvoiceLine, Limit
from tests.simulation.reference import ReferenceOrganization
from tests.simulation.spend import spend


def assert_foreseen(company: Company, today: date) -> None:
    """Compare forecast, timeline, spend and the ends that limits will bring with what happens."""
    invoices = forecast(company.acme.organization, on=today)
    end = invoices[-1].period.end
    future = _unchanged(company.reference, end)
    assert {row.period.start: _lines(row) for row in invoices if row.lines} == {
        invoice.period_start: invoice.lines for invoice in future.invoices
    }
    assert _foreseen_units(company, today, end) == _units(company.reference, future)
    _assert_spend_foreseen(company, future, today)
    _assert_refusals_foreseen(company, future, today)


def _unchanged(reference: ReferenceOrganization, end: date) -> ReferenceOrganization:
    """Return a copy that has lived on to the day `end`, without what only its past needs."""
    start = reference.period_start(reference.today)
    future = replace(
        reference,
        lots=deepcopy(reference.lots),
        charges=[charge for charge in reference.charges if charge.posted_on >= start],
        invoices=[],
        active_units={},
        approvals=Approvals(),
        pays_everything=True,
    )
    future.open_to(end)
    return future


def _lines(invoice: ForecastPeriod) -> set[InvoiceLine]:
    return {
        InvoiceLine(
            model=line.model,
            kind=line.kind,
            type=line.type,
            price=line.price_per_day.amount,
            discount_percent=Fraction(line.discount_percent),
            unit_days=line.unit_days,
            amount=line.amount.amount,
            discount=line.source.discount,
        )
        for line in invoice.lines
    }


def _foreseen_units(company: Company, today: date, end: date) -> dict[tuple[str, str, date], int]:
    """The active units of each snapshot and kind on each day from the first, where there are any.

    Days before today are the record.
    """
    start = company.history.created_on
    units = {}
    for kind in timeline(company.acme.organization, on=today, start=start, end=end):
        until = [*(step.starts_on for step in kind.steps[1:]), end]
        for step, next_step in zip(kind.steps, until, strict=True):
            for number in range((next_step - step.starts_on).days):
                units[kind.model, str(kind.kind), step.starts_on + number * ONE_DAY] = step.units
    return {key: number for key, number in units.items() if number}


def _units(
    past: ReferenceOrganization, future: ReferenceOrganization
) -> dict[tuple[str, str, date], int]:
    units: Counter[tuple[str, str, date]] = Counter()
    for (position, day), number in {**past.active_units, **future.active_units}.items():
        lot = past.lots[position]
        units[lot.model, lot.kind, day] += number
    return {key: number for key, number in units.items() if number}


def _assert_spend_foreseen(company: Company, future: ReferenceOrganization, today: date) -> None:
    """Spend of this period by R10, and what the next one will cost, of all and of the project."""
    present = limits(company.acme.organization, on=today, foresees=True)
    [project] = [
        state for state in present.projects if state.project and not state.project.is_default
    ]
    for state, of_project in ((present.organization, None), (project, True)):
        limit = Limit(of_project, 0, is_hard=True)
        assert state.spent.amount == spend(company.reference, limit)
        assert state.foreseen == sum(
            charge.amount
            for charge in future.charges
            if present.next_period.start <= charge.posted_on < present.next_period.end
            and of_project in (None, charge.in_project)
        )


def _assert_refusals_foreseen(company: Company, future: ReferenceOrganization, today: date) -> None:
    """The units that a hard limit will end in the next days, of which people are told."""
    positions = {lot_id: position for position, lot_id in enumerate(company.lot_ids)}
    foreseen = {
        Expiry(positions[row.lot.public_id], row.units, row.ends_on, "spend_limit")
        for row in refused_renewals(company.acme.organization, on=today)
    }
    assert foreseen == {
        expiry
        for expiry in future.expiries()
        if expiry.reason == "spend_limit" and today < expiry.ended_on <= today + AHEAD
    }
