"""Runs histories in the product and in the reference at the same time."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from random import Random

from capacity.models import (
    Cancellation,
    ListPrice,
    Lot,
    PurchaseRequest,
    Snapshot,
    TokenUnit,
)
from capacity.operations.sweep import open_due_days_everywhere
from tests.simulation import records
from tests.simulation.company import Company
from tests.simulation.foresight import assert_foreseen
from tests.simulation.histories import AddPrice, Calendar, RetireModel
from tests.simulation.terms import noon

Job = Callable[[], None]


def run_in_order(jobs: Sequence[Job]) -> None:
    for job in jobs:
        job()


def read_catalogue() -> records.Catalogue:
    """Return the present prices as the reference's own copy."""
    prices: dict[tuple[str, str], dict[date, int]] = {}
    for price in ListPrice.objects.select_related("token_unit__snapshot"):
        unit = price.token_unit
        prices.setdefault((unit.snapshot.model, unit.kind), {})[price.from_on] = price.amount
    return records.Catalogue(prices)


@dataclass
class World:
    """Several companies with one catalogue, and the sweeps that open their days."""

    calendar: Calendar
    companies: list[Company]
    catalogue: records.Catalogue
    random: Random
    run_jobs: Callable[[Sequence[Job]], None] = run_in_order
    foresees: bool = False
    """Whether what is foreseen is compared too, on the days of the calendar."""

    def run(self) -> None:
        for day in self.calendar.days:
            self._change_catalogue(day)
            jobs: list[Job] = [
                partial(company.act, day)
                for company in self.companies
                if company.history.actions.get(day)
            ]
            jobs += [partial(self.sweep, day)] * self.calendar.sweeps[day]
            self.random.shuffle(jobs)
            self.run_jobs(jobs)
            if self.calendar.sweeps[day]:
                self._compare_visible_state(day)
            if self.foresees and day in self.calendar.foresights:
                for company in self.companies:
                    assert_foreseen(company, day)
        self.sweep(self.today)
        for company in self.companies:
            company.reference.open_to(self.today)

    @property
    def today(self) -> date:
        """The day after the last day of the calendar; it is open in every company at the end."""
        return self.calendar.days[-1] + timedelta(days=1)

    def sweep(self, day: date) -> None:
        for company in self.companies:
            if company.opener != "sweep" and company.history.created_on <= day:
                company.open_to(day)
        open_due_days_everywhere(now=noon(day))

    def _change_catalogue(self, day: date) -> None:
        for change in self.calendar.catalogue_changes.get(day, ()):
            match change:
                case AddPrice(model, kind, from_on, amount):
                    unit = TokenUnit.objects.get(snapshot__model=model, kind=kind)
                    ListPrice.objects.create(token_unit=unit, from_on=from_on, amount=amount)
                    self.catalogue.prices[model, kind][from_on] = amount
                case RetireModel(model, on):
                    Snapshot.objects.filter(model=model).update(retires_on=on)
                    self.catalogue.retires_on[model] = on

    def _compare_visible_state(self, day: date) -> None:
        """Compare what customers see on the day itself: active units, and what waits."""
        units = dict(Lot.objects.values_list("public_id", "active_units"))
        statuses = dict(Cancellation.objects.values_list("public_id", "status"))
        requests = dict(PurchaseRequest.objects.values_list("public_id", "status"))
        for company in self.companies:
            if company.history.created_on <= day:
                reference = company.reference
                reference.open_to(day)
                expected_units = [len(lot.active()) for lot in reference.lots]
                assert [units[lot_id] for lot_id in company.lot_ids] == expected_units, day
                expected_statuses = [one.status for one in reference.cancellations]
                assert [statuses[id_] for id_ in company.cancellation_ids] == expected_statuses, day
                expected_statuses = [one.status for one in reference.approvals.requests]
                assert [requests[id_] for id_ in company.request_ids] == expected_statuses, day
