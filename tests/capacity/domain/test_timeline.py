"""Steps and marks of the timeline (R22)."""

from datetime import date, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from capacity.domain.timeline import Cause, Mark, Step, UnitChange, marks_of, steps_of

START = date(2026, 1, 1)
TPM = 30


def on(number: int) -> date:
    return START + timedelta(days=number)


def change(number: int, units: int, cause: Cause, commitment_ends: int = 40) -> UnitChange:
    return UnitChange(on(number), units, units * TPM, cause, on(commitment_ends))


BOUGHT = change(10, 4, Cause.PURCHASE)
MORE = change(12, 2, Cause.PURCHASE, 42)
CANCELLED = change(40, -1, Cause.CANCELLED)
RETIRED = change(50, -3, Cause.MODEL_RETIRED)


def test_a_step_is_a_day_on_which_the_number_of_units_changes() -> None:
    assert list(steps_of([RETIRED, BOUGHT, CANCELLED, MORE], START, on(60))) == [
        Step(START, 0, 0),
        Step(on(10), 4, 4 * TPM),
        Step(on(12), 6, 6 * TPM),
        Step(on(40), 5, 5 * TPM),
        Step(on(50), 2, 2 * TPM),
    ]


def test_the_first_step_is_what_was_before_and_the_end_is_left_out() -> None:
    steps = list(steps_of([BOUGHT, MORE, CANCELLED], on(12), on(40)))
    assert steps == [Step(on(12), 6, 6 * TPM)]


def test_units_that_come_and_go_on_one_day_are_no_step() -> None:
    assert list(steps_of([change(5, 1, Cause.PURCHASE), change(5, -1, Cause.CANCELLED)],
                         START, on(9))) == [Step(START, 0, 0)]  # fmt: skip


def test_marks_are_the_days_with_their_causes_the_end_of_a_commitment_too() -> None:
    assert marks_of([RETIRED, BOUGHT, CANCELLED, MORE], START, on(60)) == [
        Mark(on(10), Cause.PURCHASE, 4),
        Mark(on(12), Cause.PURCHASE, 2),
        Mark(on(40), Cause.COMMITMENT_END, 4),
        Mark(on(40), Cause.CANCELLED, 1),
        Mark(on(42), Cause.COMMITMENT_END, 2),
        Mark(on(50), Cause.MODEL_RETIRED, 3),
    ]
    assert [mark.on for mark in marks_of([BOUGHT, CANCELLED], on(11), on(40))] == []


def test_a_commitment_that_a_retirement_cut_short_does_not_end_later() -> None:
    retired = change(20, -3, Cause.MODEL_RETIRED)
    assert marks_of([BOUGHT, retired], START, on(60)) == [
        Mark(on(10), Cause.PURCHASE, 4),
        Mark(on(20), Cause.MODEL_RETIRED, 3),
        Mark(on(40), Cause.COMMITMENT_END, 1),
    ]


@given(
    st.lists(st.tuples(st.integers(-20, 40), st.integers(1, 5)), max_size=8),
    st.integers(-5, 15),
    st.integers(16, 40),
)
def test_each_day_has_what_came_up_to_it(
    bought: list[tuple[int, int]], first: int, end: int
) -> None:
    changes = [change(number, units, Cause.PURCHASE) for number, units in bought]
    steps = list(steps_of(changes, on(first), on(end)))
    assert steps[0].starts_on == on(first)
    for number in range(first, end):
        present = [step for step in steps if step.starts_on <= on(number)][-1]
        assert present.units == sum(units for came, units in bought if came <= number)
        assert present.tpm == present.units * TPM
    assert all(step.units != following.units for step, following in pairwise(steps))


def test_marks_of_one_day_and_cause_are_one_and_the_first_day_counts() -> None:
    twice = [BOUGHT, change(10, 3, Cause.PURCHASE)]
    assert marks_of(twice, on(10), on(40)) == [Mark(on(10), Cause.PURCHASE, 7)]
