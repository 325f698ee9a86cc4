"""The recommendation and its curve (R16), against counting each window."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from capacity.usage.domain.recommendation import CURVE_POINTS, Demand

demands = st.lists(st.integers(0, 10**12), max_size=60)


@given(windows=demands, tpm=st.integers(1, 50_000))
def test_needed_units_cover_the_largest_window_and_one_less_does_not(
    windows: list[int], tpm: int
) -> None:
    demand = Demand(windows, tpm=tpm)
    largest = max(windows, default=0)
    allowance = tpm * 15 * 10_000
    assert demand.needed * allowance >= largest
    assert demand.needed == 0 or (demand.needed - 1) * allowance < largest


@given(windows=demands, tpm=st.integers(1, 50_000), units=st.integers(0, 10**6))
def test_a_point_counts_the_tokens_and_the_whole_windows(
    windows: list[int], tpm: int, units: int
) -> None:
    traffic = [weight for weight in windows if weight]
    point = Demand(windows, tpm=tpm).covered(units)
    if not traffic:
        assert point.token_share == point.window_share == 1
        return
    allowance = units * tpm * 15 * 10_000
    tokens = sum(min(weight, allowance) for weight in traffic)
    whole = sum(weight <= allowance for weight in traffic)
    assert point.token_share == Decimal(tokens * 10_000 // sum(traffic)) / 10_000
    assert point.window_share == Decimal(whole * 10_000 // len(traffic)) / 10_000


def test_a_short_curve_has_a_point_for_each_number_of_units() -> None:
    demand = Demand([CURVE_POINTS * 15 * 10_000], tpm=1)
    assert [point.units for point in demand.curve()] == list(range(CURVE_POINTS + 1))


@given(windows=demands, tpm=st.integers(1, 50_000))
def test_a_curve_goes_from_nothing_to_everything_in_few_steps(windows: list[int], tpm: int) -> None:
    demand = Demand(windows, tpm=tpm)
    curve = demand.curve()
    assert len(curve) <= CURVE_POINTS + 1
    assert (curve[0].units, curve[-1].units) == (0, demand.needed)
    assert curve[-1].token_share == curve[-1].window_share == 1
    assert curve == sorted(curve, key=lambda point: point.units)
