"""The arithmetic of spend limits: units past them, and thresholds that are reached (R10)."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.domain.limits import Renewal, Room, thresholds_reached, units_past_limit


@given(
    lots=st.lists(
        st.tuples(st.integers(0, 2), st.integers(1, 5), st.sampled_from([0, 1, 7, 30])),
        max_size=12,
    ),
    whole=st.none() | st.integers(-50, 600),
    own=st.dictionaries(st.integers(0, 2), st.integers(-50, 300)),
)
def test_a_unit_is_refused_exactly_if_the_sum_up_to_it_passes_a_limit(
    lots: list[tuple[int, int, int]], whole: int | None, own: dict[int, int]
) -> None:
    total = 0
    by_project = {0: 0, 1: 0, 2: 0}
    expected: Counter[int] = Counter()
    for place, (project, units, price) in enumerate(lots):
        for _ in range(units):
            total += price
            by_project[project] += price
            if (whole is not None and total > whole) or by_project[project] > own.get(
                project, by_project[project]
            ):
                expected[place] += 1
    renewals = [Renewal(place, *lot) for place, lot in enumerate(lots)]
    assert dict(units_past_limit(renewals, Room(whole, own))) == expected


@given(spent=st.integers(0, 500), limit=st.integers(0, 300))
def test_a_threshold_is_reached_at_exactly_its_share_of_the_limit(spent: int, limit: int) -> None:
    reached = thresholds_reached(spent=spent, limit=limit, alerts=[80, 50, 80])
    assert reached == [p for p in (50, 80) if spent and spent * 100 >= p * limit]


@pytest.mark.parametrize(
    ("room", "refused"),
    [(21, {}), (20, {"b": 1}), (14, {"b": 1}), (13, {"b": 2}), (6, {"a": 1, "b": 2})],
)
def test_units_are_taken_in_order_one_by_one(room: int, refused: dict[str, int]) -> None:
    renewals = [Renewal("a", 1, 1, 7), Renewal("b", 2, 2, 7)]
    assert dict(units_past_limit(renewals, Room(room, {}))) == refused
    assert dict(units_past_limit(renewals, Room(None, {}))) == {}
    assert dict(units_past_limit(renewals, Room(None, {2: 7}))) == {"b": 1}
    assert dict(units_past_limit(renewals, Room(14, {2: 6}))) == {"b": 2}


def test_all_lots_before_count() -> None:
    renewals = [Renewal(key, 1, 1, 7) for key in "abc"]
    assert dict(units_past_limit(renewals, Room(20, {}))) == {"c": 1}
    assert dict(units_past_limit(renewals, Room(None, {1: 20}))) == {"c": 1}


def test_a_threshold_is_reached_to_the_minor_unit() -> None:
    assert thresholds_reached(spent=499, limit=1000, alerts=[50]) == []
    assert thresholds_reached(spent=500, limit=1000, alerts=[50]) == [50]
    assert thresholds_reached(spent=1, limit=1, alerts=[100]) == [100]
    assert thresholds_reached(spent=0, limit=0, alerts=[50]) == []
