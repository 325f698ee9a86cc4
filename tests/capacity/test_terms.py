"""First terms, commitments and the ends of cancelled units (R3, R5)."""

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from billing.domain.periods import period_containing
from capacity.domain.terms import Term, cancellation_terms

days = st.dates(min_value=date(2020, 1, 1), max_value=date(2060, 12, 31))
anchors = st.integers(min_value=1, max_value=31)


def make_term(day: date, anchor: int = 1) -> Term:
    """The term of units that are bought on a day."""
    return Term.bought_on(day, period_containing(day, anchor_day=anchor))


def cancel(term: Term, on: date, charged_until: date, units: int = 1) -> tuple[date, int]:
    """The end of units that are cancelled on a day, and what they still cost."""
    terms = cancellation_terms(
        units=units,
        on=on,
        charged_until=charged_until,
        commitment_ends_on=term.commitment_ends_on,
        price_per_day=1000,
    )
    return terms.ends_on, terms.remaining_cost


@given(day=days, anchor=anchors)
def test_the_first_term_has_between_1_and_31_days(day: date, anchor: int) -> None:
    assert 1 <= make_term(day, anchor).first_term_days <= 31


@given(
    day=days, anchor=anchors, later=st.integers(min_value=0, max_value=400), units=st.integers(1)
)
def test_cancelled_units_end_with_the_commitment_or_with_the_charged_days(
    day: date, anchor: int, later: int, units: int
) -> None:
    term = make_term(day, anchor)
    on = day + timedelta(days=later)
    charged_until = max(term.first_term_ends_on, on + timedelta(days=1))
    ends_on, cost = cancel(term, on, charged_until, units)
    assert ends_on == max(term.commitment_ends_on, charged_until)
    assert ends_on > on
    assert cost == units * 1000 * (ends_on - charged_until).days


def test_the_worked_example_with_anchor_day_1() -> None:
    term = make_term(date(2026, 1, 10))
    assert term.first_term_ends_on == date(2026, 2, 1)
    assert term.first_term_days == 22
    assert term.commitment_ends_on == date(2026, 2, 9)
    within_commitment = cancel(term, date(2026, 1, 15), charged_until=date(2026, 2, 1))
    assert within_commitment == (date(2026, 2, 9), 8 * 1000)
    after_commitment = cancel(term, date(2026, 2, 20), charged_until=date(2026, 2, 21))
    assert after_commitment == (date(2026, 2, 21), 0)


def test_units_stay_to_the_end_of_a_first_term_longer_than_the_commitment() -> None:
    term = make_term(date(2026, 1, 1))
    assert term.commitment_ends_on == date(2026, 1, 31)
    assert cancel(term, date(2026, 1, 5), date(2026, 2, 1)) == (date(2026, 2, 1), 0)


def test_anchor_day_31_in_february_and_in_a_leap_year() -> None:
    assert make_term(date(2026, 2, 10), 31).first_term_ends_on == date(2026, 2, 28)
    assert make_term(date(2026, 2, 28), 31).first_term_ends_on == date(2026, 3, 31)
    assert make_term(date(2028, 2, 10), 31).first_term_ends_on == date(2028, 2, 29)
