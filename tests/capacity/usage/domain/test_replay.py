"""The replay of past windows (R16), against counting window by window and number by number."""

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from math import floor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capacity.usage.domain.coverage import COMBINED, INPUT, OUTPUT, Weights
from capacity.usage.domain.replay import RATE_SCALE, Rates, Replay, Tokens, minor_units
from capacity.usage.domain.windows import window_number

START = window_number(datetime(2026, 1, 10, 22, tzinfo=UTC))
DAYS = 30
Traffic = Mapping[int, Tokens]

counts = st.integers(0, 10**4)
traffics = st.dictionaries(
    st.integers(0, 200).map(lambda number: START + number),
    st.builds(Tokens, counts, counts, counts),
    max_size=12,
)
weights = st.builds(Weights, cached=st.integers(0, 10_000), output=st.integers(0, 80_000))
kinds = st.sampled_from([INPUT, OUTPUT, COMBINED])
prices = st.integers(0, 10**9).map(lambda millionths: Decimal(millionths) / 10**6)
rates = st.builds(lambda a, b, c: Rates.of(uncached=a, cached=b, output=c), prices, prices, prices)


def replay_of(traffic: Traffic, kind: str, of: Weights, tpm: int) -> Replay:
    rows = [(number, *tokens) for number, tokens in traffic.items()]
    return Replay(rows, kind=kind, weights=of, tpm=tpm)


def weigh(tokens: Tokens, of: Weights, kind: str) -> int:
    return of.weigh(kind, tokens.uncached + tokens.cached, tokens.cached, tokens.output)


def counted(kind: str, tokens: Tokens) -> Tokens:
    return {
        INPUT: Tokens(tokens.uncached, tokens.cached, 0),
        OUTPUT: Tokens(0, 0, tokens.output),
        COMBINED: tokens,
    }[kind]


def share_over(kind: str, tokens: Tokens, of: Weights, units: int, tpm: int) -> Fraction:
    """The share of a window that goes over what the units allow in it, in exact fractions."""
    weight = {INPUT: Fraction(0), OUTPUT: Fraction(1), COMBINED: Fraction(of.output, 10_000)}[kind]
    demand = tokens.output * weight
    if kind != OUTPUT:
        demand += tokens.uncached + tokens.cached * Fraction(of.cached, 10_000)
    allowance = units * tpm * 15
    if demand > allowance:
        return 1 - allowance / Fraction(demand)
    return Fraction(0) if units else Fraction(1)


@given(traffic=traffics, kind=kinds, of=weights, units=st.integers(0, 40), tpm=st.integers(1, 300))
def test_units_cover_what_counting_each_window_says(
    traffic: Traffic, kind: str, of: Weights, units: int, tpm: int
) -> None:
    over = Tokens()
    whole = with_traffic = 0
    for tokens in traffic.values():
        share = share_over(kind, tokens, of, units, tpm)
        for name, part in counted(kind, tokens)._asdict().items():
            covered = floor(part * (1 - share) + Fraction(1, 2))
            over = over._replace(**{name: getattr(over, name) + part - covered})
        if weigh(tokens, of, kind):
            with_traffic += 1
            whole += share == 0
    outcome = replay_of(traffic, kind, of, tpm).with_units(units)
    assert outcome.over == over
    assert (outcome.windows, outcome.whole_windows) == (with_traffic, whole)
    everything = Tokens()
    for tokens in traffic.values():
        everything = everything.plus(counted(kind, tokens))
    assert outcome.covered.plus(outcome.over) == everything


@given(
    traffic=traffics,
    kind=kinds,
    of=weights,
    tpm=st.integers(20, 300),
    rates=rates,
    percent=st.integers(0, 300),
)
def test_the_units_that_pay_cost_least_of_all_numbers(
    traffic: Traffic, kind: str, of: Weights, tpm: int, rates: Rates, percent: int
) -> None:
    """A unit costs a percentage of what each saves if all that are needed are bought."""
    replay = replay_of(traffic, kind, of, tpm)
    saved = Fraction(rates.cost(replay.total), max(replay.needed, 1) * RATE_SCALE)
    price = int(saved * percent / 100 / DAYS)
    found = replay.break_even(rates, price_per_day=price, days=DAYS)
    if found is None:
        assert not any(weigh(tokens, of, kind) for tokens in traffic.values())
        return

    def cost(units: int) -> Fraction:
        of_units = Fraction(units * price * DAYS)
        for tokens in traffic.values():
            rest = rates.cost(counted(kind, tokens)) * share_over(kind, tokens, of, units, tpm)
            of_units += rest / RATE_SCALE
        return of_units

    numbers = {*range(min(replay.needed, 30) + 2), found.units - 1, found.units + 1, replay.needed}
    tolerance = Fraction(1, 10**6)
    least = cost(found.units)
    assert all(least <= cost(number) + tolerance for number in numbers if number >= 0)
    if found.tokens is not None and found.tokens > found.full_tokens and kind == OUTPUT:
        assert found.units == 0  # Every token has the same weight and price: no unit can pay.


def test_a_unit_pays_from_as_many_tokens_a_day_as_its_price_buys() -> None:
    """Grok: $10.00 for 31,500 TPM, against $0.20 a million tokens."""
    grok = Rates.of(uncached=Decimal("0.2"), cached=Decimal("0.05"), output=Decimal("0.5"))
    traffic = {START: Tokens(900_000, 0, 77)}
    replay = replay_of(traffic, INPUT, Weights(), 31_500)
    found = replay.break_even(grok, price_per_day=1_000, days=DAYS)
    assert found is not None
    assert found.tokens == 50_000_000
    assert (found.full_tokens, found.full_worth) == (45_360_000, 907)
    assert found.units == 0
    cheap = replay.break_even(grok, price_per_day=0, days=DAYS)
    assert cheap is not None
    assert cheap.units == replay.needed == 2


def test_figures_of_a_break_even_are_rounded_to_the_nearest_and_tokens_up() -> None:
    third = Rates.of(uncached=Decimal("0.3"), cached=None, output=Decimal(9))
    replay = replay_of({START: Tokens(900_000, 0, 77)}, INPUT, Weights(), 31_500)
    found = replay.break_even(third, price_per_day=1_000, days=DAYS)
    assert found is not None
    assert (found.tokens, found.full_worth) == (33_333_334, 1_361)


def test_a_unit_that_saves_exactly_its_price_pays() -> None:
    """15,000 tokens at $20.00 a million cost 30 cents, as a unit does in 30 days."""
    rates = Rates.of(uncached=Decimal(20), cached=None, output=Decimal(0))
    replay = replay_of({START: Tokens(30_000)}, INPUT, Weights(), 1_000)
    found = replay.break_even(rates, price_per_day=1, days=DAYS)
    assert found is not None
    assert found.units == 2


def test_tokens_without_weight_are_covered_by_the_first_unit_and_not_without_one() -> None:
    free = Weights(cached=0)
    replay = replay_of({START: Tokens(0, 10**7), START + 1: Tokens(1)}, INPUT, free, 1)
    assert [replay.with_units(units).over for units in (0, 1)] == [Tokens(1, 10**7), Tokens()]
    assert replay.with_units(1).units == 1
    rates = Rates.of(uncached=Decimal(0), cached=Decimal(3), output=Decimal(0))
    found = replay.break_even(rates, price_per_day=100, days=DAYS)  # The cached ones cost 3,000.
    assert found is not None
    assert found.units == 1


def test_a_window_with_the_least_weight_there_is_has_traffic() -> None:
    outcome = replay_of({START: Tokens(0, 1)}, INPUT, Weights(cached=1), 1).with_units(1)
    assert (outcome.windows, outcome.whole_windows) == (1, 1)


def test_each_kind_of_token_is_added_and_has_its_rate() -> None:
    assert Tokens(1, 2, 3).plus(Tokens(4, 5, 6), 2) == Tokens(9, 12, 15)
    assert Rates(2, 3, 5).cost(Tokens(7, 11, 13)) == 14 + 33 + 65
    one, two = Decimal("0.000001"), Decimal("0.000002")
    assert Rates.of(uncached=one, cached=two, output=one) == Rates(1, 2, 1)
    assert Rates.of(uncached=two, cached=None, output=one) == Rates(2, 2, 1)


@pytest.mark.parametrize(("cost", "amount"), [(1, 0), (149, 0), (150, 1), (449, 1), (450, 2)])
def test_money_is_rounded_once_and_a_half_rounds_up(cost: int, amount: int) -> None:
    assert minor_units(cost * RATE_SCALE // 10, days=30) == amount


def test_the_busiest_day_is_the_one_with_most_weighted_tokens() -> None:
    """Two windows before midnight are less than one after it; of equal days the first counts."""
    traffic = {
        START: Tokens(100, 0, 0),
        START + 1: Tokens(50, 0, 9),
        START + 9: Tokens(0, 1_000, 0),
    }
    replay = replay_of(traffic, INPUT, Weights(cached=2_000), 1)
    busiest = replay.busiest_day()
    assert busiest is not None
    assert busiest.day.isoformat() == "2026-01-11"
    assert [n for n, tokens in enumerate(busiest.windows) if tokens] == [1]
    assert busiest.windows[1] == 200
    assert len(busiest.windows) == 96
    more = {START: Tokens(150), START + 1: Tokens(10**20 + 1), START + 9: Tokens(10**20 + 9)}
    busiest = replay_of(more, INPUT, Weights(), 1).busiest_day()
    assert busiest is not None
    assert [tokens for tokens in busiest.windows if tokens] == [150, 10**20 + 1]
    half = replay_of({START: Tokens(1, 1)}, INPUT, Weights(cached=5_000), 1).busiest_day()
    assert half is not None
    assert max(half.windows) == 2
    equal = replay_of({START: Tokens(5), START + 9: Tokens(5)}, INPUT, Weights(), 1).busiest_day()
    assert equal is not None
    assert equal.day.isoformat() == "2026-01-10"
    assert replay_of({}, INPUT, Weights(), 1).busiest_day() is None
