"""Showback: amounts are shared to the last minor unit, by what was used of each unit-day."""

from collections import defaultdict
from decimal import Decimal
from fractions import Fraction
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from capacity.usage.domain.showback import CapacityDay, Part, Rest, share

tokens = st.one_of(st.just(0), st.integers(0, 50), st.integers(0, 10**15))
days = st.builds(
    CapacityDay,
    entitled=tokens,
    to_come=tokens,
    used=st.dictionaries(st.integers(1, 5), tokens, max_size=5),
)
charges = st.lists(st.tuples(st.integers(1, 10**6), days), max_size=12)


def exact(amount: int, charged: list[tuple[int, CapacityDay]]) -> dict[Part, Fraction]:
    """The amount in fractions, day by day."""
    shares: defaultdict[Part, Fraction] = defaultdict(Fraction)
    unit_days = sum(units for units, _ in charged)
    for units, day in charged:
        cost = Fraction(amount * units, unit_days)
        used = sum(day.used.values())
        whole = max(day.entitled, used + day.to_come)
        parts: dict[Part, int] = {**day.used, Rest.TO_COME: day.to_come}  # type: ignore[dict-item]
        for part, count in parts.items():
            shares[part] += cost * count / whole if whole else 0
        shares[Rest.IDLE] += cost * (whole - used - day.to_come) / whole if whole else cost
    return shares


@given(st.integers(0, 10**13), charges, st.randoms(use_true_random=False))
def test_parts_add_up_and_each_is_within_a_cent_of_its_exact_share(
    amount: int, charged: list[tuple[int, CapacityDay]], chance: Any
) -> None:
    shares = share(amount, charged)
    assert sum(shares.amounts.values()) == amount
    assert min(shares.amounts.values()) >= 0
    expected = exact(amount, charged) if charged else {Rest.IDLE: Fraction(amount)}
    for part in {*expected, *shares.amounts}:
        # A unit-day is shared in 10**12 parts: of the largest amount that is ten cents a day.
        rounding = Fraction(amount * len(charged), 10**12)
        difference = shares.amounts.get(part, 0) - expected.get(part, Fraction(0))
        assert abs(difference) < 1 + rounding
    shuffled = [
        (units, CapacityDay(day.entitled, day.to_come, dict(reversed(day.used.items()))))
        for units, day in chance.sample(charged, len(charged))
    ]
    assert share(amount, shuffled) == shares
    assert list(share(amount, shuffled).amounts) == list(shares.amounts)


def test_the_largest_remainders_get_the_cents_and_idle_capacity_its_own() -> None:
    day = CapacityDay(entitled=700, to_come=0, used={2: 100, 1: 400})
    shares = share(1_000, [(3, day)])
    assert shares.amounts == {1: 571, 2: 143, Rest.IDLE: 286}
    assert [shares.percent(part) for part in (1, 2, Rest.IDLE)] == [
        Decimal("57.1"),
        Decimal("14.2"),
        Decimal("28.5"),
    ]


def test_what_lies_ahead_is_not_idle_and_use_beyond_the_entitlement_leaves_nothing_idle() -> None:
    today = CapacityDay(entitled=100, to_come=40, used={1: 20})
    tomorrow = CapacityDay(entitled=100, to_come=100, used={})
    assert share(200, [(1, today), (1, tomorrow)]).amounts == {
        1: 20,
        Rest.TO_COME: 140,
        Rest.IDLE: 40,
    }
    rounded_up = CapacityDay(entitled=3, to_come=0, used={1: 2, 2: 2})
    assert share(10, [(1, rounded_up)]).amounts == {1: 5, 2: 5}


def test_units_that_had_ended_are_idle_on_the_days_that_were_charged() -> None:
    assert share(500, [(1, CapacityDay(0, 0, {}))]).amounts == {Rest.IDLE: 500}
