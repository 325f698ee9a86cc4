"""The units that hard limits will end, against a reference that takes unit by unit (R10, R22)."""

from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from billing.domain.limits import HardLimits
from billing.domain.periods import Period
from capacity.domain.limits import LotPlan, PricedUnits, limit_ends

START = date(2026, 1, 1)
FIRST, DAYS = 6, 14
"""Two periods: the first six days, and the eight after them."""


def on(number: int) -> date:
    return START + timedelta(days=number)


@dataclass(frozen=True)
class Lot:
    """Units that are charged from a day on, at another price later, and perhaps end by themselves.

    `cancelled` of them end with the commitment, as units of a cancellation do.
    """

    project: int
    units: int
    cancelled: int
    charged_from: int
    commitment_ends: int
    prices: tuple[int, int]
    new_price_on: int
    end: int

    def price(self, day: int) -> int:
        return self.prices[day >= self.new_price_on]

    def committed_cost(self, day: int) -> int:
        """What a day within the commitment costs."""
        if not self.charged_from <= day < self.commitment_ends:
            return 0
        return (self.units + self.cancelled) * self.price(day)

    def is_past_commitment(self, day: int) -> bool:
        return max(self.charged_from, self.commitment_ends) <= day < self.end

    def plan(self, key: int) -> LotPlan[int]:
        commitment_end = max(self.charged_from, self.commitment_ends)
        rows = [(self.units, max(self.end, commitment_end)), (self.cancelled, commitment_end)]
        return LotPlan(
            key=key,
            project=self.project,
            commitment_ends_on=on(self.commitment_ends),
            spans=[
                PricedUnits(on(first), on(last), units, price)
                for units, end in rows
                for first, last, price in (
                    (self.charged_from, min(self.new_price_on, end), self.prices[0]),
                    (max(self.charged_from, self.new_price_on), end, self.prices[1]),
                )
                if units and first < last
            ],
        )


lots = st.builds(
    Lot,
    project=st.integers(1, 2),
    units=st.integers(1, 4),
    cancelled=st.integers(0, 2),
    charged_from=st.integers(0, 4),
    commitment_ends=st.integers(0, 9),
    prices=st.tuples(st.integers(0, 9), st.integers(0, 9)),
    new_price_on=st.integers(0, DAYS),
    end=st.integers(0, DAYS),
)


@given(
    st.lists(lots, max_size=5),
    st.none() | st.integers(0, 300),
    st.dictionaries(st.integers(1, 2), st.integers(0, 150)),
    st.dictionaries(st.integers(1, 2), st.integers(0, 60)),
)
def test_units_end_on_the_day_on_which_one_by_one_they_pass_a_limit(
    lots: list[Lot], whole: int | None, own: dict[int, int], posted: dict[int, int]
) -> None:
    periods = [Period(on(0), on(FIRST)), Period(on(FIRST), on(DAYS))]
    limits = HardLimits(whole, own, posted, periods)
    plans = [lot.plan(key) for key, lot in enumerate(lots)]
    ends = Counter[tuple[int, date]]()
    for end in limit_ends(plans, limits):
        ends[end.key, end.on] += end.units
    assert ends == expected_ends(lots, limits)


def expected_ends(lots: list[Lot], limits: HardLimits) -> Counter[tuple[int, date]]:
    ends = Counter[tuple[int, date]]()
    left = [lot.units for lot in lots]
    counted = defaultdict(int, limits.posted)
    for day in range(DAYS):
        if day == FIRST:
            counted = defaultdict(int)
        for lot in lots:
            counted[lot.project] += lot.committed_cost(day)
        refused = Counter[int]()
        for key, lot in enumerate(lots):
            for _ in range(left[key] if lot.is_past_commitment(day) else 0):
                counted[lot.project] += lot.price(day)
                refused[key] += is_past(counted, lot.project, limits)
        for key, units in refused.items():  # What was refused is not posted.
            left[key] -= units
            counted[lots[key].project] -= units * lots[key].price(day)
            ends[key, on(day)] = units
    return +ends


def is_past(counted: dict[int, int], project: int, limits: HardLimits) -> bool:
    whole, own = limits.organization, limits.projects.get(project)
    return (whole is not None and sum(counted.values()) > whole) or (
        own is not None and counted[project] > own
    )


def ends_of(lots: list[Lot], limits: HardLimits) -> list[tuple[int, date, int]]:
    plans = [lot.plan(key) for key, lot in enumerate(lots)]
    return [(end.key, end.on, end.units) for end in limit_ends(plans, limits)]


def two_periods(
    organization: int | None = None, projects: dict[int, int] | None = None
) -> HardLimits:
    periods = [Period(on(0), on(FIRST)), Period(on(FIRST), on(DAYS))]
    return HardLimits(organization, projects or {}, {}, periods)


def renewing(units: int, prices: tuple[int, int], new_price_on: int) -> Lot:
    """Units past their commitment from the first day on, which get another price on a day."""
    return Lot(1, units, 0, 0, 0, prices, new_price_on, DAYS)


def test_a_unit_that_ended_costs_nothing_when_a_later_price_comes() -> None:
    """It ends on the last day of a period; in the next one, the others get dearer on day 8."""
    lots = [renewing(2, (1, 2), 8), renewing(2, (1, 2), 8)]
    assert ends_of(lots, two_periods(23)) == [
        (1, on(5), 1),
        (1, on(10), 1),
        (0, on(11), 2),
    ]


def test_a_unit_that_ended_after_a_new_price_costs_nothing_in_the_next_period() -> None:
    """2 days of 2, 3 days of 4, and 3 are left; the next period costs 16."""
    assert ends_of([renewing(2, (1, 2), 2)], two_periods(19)) == [(0, on(5), 1)]


def test_a_unit_that_ends_on_the_day_of_a_new_price_costs_nothing_from_then_on() -> None:
    """5 days of 2, then 10 are due and 7 are left; in the next period three days of 5 fit."""
    assert ends_of([renewing(2, (1, 5), 5)], two_periods(17)) == [(0, on(5), 1), (0, on(9), 1)]


def test_a_project_without_charges_has_its_whole_limit() -> None:
    assert ends_of([renewing(1, (3, 3), 0)], two_periods(projects={1: 24})) == []
    assert ends_of([renewing(1, (3, 3), 0)], two_periods(projects={1: 23})) == [(0, on(13), 1)]
    [(_, day, _)] = ends_of([renewing(1, (3, 3), 0)], two_periods(projects={1: 3}))
    assert day == on(1)
