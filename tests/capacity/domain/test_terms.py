"""First terms, commitments and the ends of cancelled units (R3, R5)."""

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from billing.domain.periods import period_containing
from capacity.domain.terms import CancellationTerms, Term, cancellation_terms

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


@given(day=days, anchor=anchors)
def test_the_commitment_has_30_days_with_the_day_of_purchase(day: date, anchor: int) -> None:
    term = make_term(day, anchor)
    assert term.starts_on == day
    assert term.commitment_ends_on == day + timedelta(days=30)
    assert term.committed_days == max(30, term.first_term_days)


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


def test_units_never_end_before_tomorrow_even_if_today_is_not_charged_yet() -> None:
    term = make_term(date(2026, 1, 10))
    assert cancel(term, date(2026, 2, 20), charged_until=date(2026, 2, 20), units=3) == (
        date(2026, 2, 21),
        3 * 1000,
    )


def test_the_terms_name_the_cancelled_units() -> None:
    terms = cancellation_terms(
        units=3,
        on=date(2026, 1, 1),
        charged_until=date(2026, 2, 1),
        commitment_ends_on=date(2026, 1, 31),
        price_per_day=1000,
    )
    assert terms == CancellationTerms(
        units=3, ends_on=date(2026, 2, 1), days_left=0, remaining_cost=0
    )


def test_the_last_charged_day_is_the_day_before_the_end() -> None:
    terms = CancellationTerms(units=1, ends_on=date(2026, 3, 1), days_left=0, remaining_cost=0)
    assert terms.last_charged_day == date(2026, 2, 28)


def test_units_stay_to_the_end_of_a_first_term_longer_than_the_commitment() -> None:
    term = make_term(date(2026, 1, 1))
    assert term.commitment_ends_on == date(2026, 1, 31)
    assert cancel(term, date(2026, 1, 5), date(2026, 2, 1)) == (date(2026, 2, 1), 0)


def test_anchor_day_31_in_february_and_in_a_leap_year() -> None:
    assert make_term(date(2026, 2, 10), 31).first_term_ends_on == date(2026, 2, 28)
    assert make_term(date(2026, 2, 28), 31).first_term_ends_on == date(2026, 3, 31)
    assert make_term(date(2028, 2, 10), 31).first_term_ends_on == date(2028, 2, 29)
