"""Order forms in force on a day, and their discounts (R8, R11, R23)."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.domain.order_forms import (
    DEFAULT_DAYS_UNTIL_DUE,
    Discounts,
    FormStatus,
    FormTerms,
    days_until_due,
    first_day_without_form,
    form_in_force,
    form_status,
    order_form_spans,
)

START = date(2026, 1, 1)
DAYS = 12


def on(number: int) -> date:
    return START + timedelta(days=number)


def form(key: int, starts: int, ends: int | None = None) -> FormTerms:
    """A form from day to day, which one can tell by its discount and its days until due."""
    ends_on = None if ends is None else on(ends)
    return FormTerms(key, on(starts), ends_on, Discounts(Decimal(key)), days_until_due=10 + key)


@st.composite
def forms(draw: st.DrawFn) -> list[FormTerms]:
    keys = draw(st.permutations([1, 2, 3, 4]))[: draw(st.integers(0, 4))]
    starts = [draw(st.integers(0, DAYS)) for _ in keys]
    lengths = [draw(st.none() | st.integers(1, DAYS)) for _ in keys]
    return [
        form(key, start, None if length is None else start + length)
        for key, start, length in zip(keys, starts, lengths, strict=True)
    ]


def test_a_form_is_in_force_from_its_first_day_to_the_day_before_its_end() -> None:
    days = {number for number in range(6) if form_in_force([form(1, 2, 4)], on(number))}
    assert days == {2, 3}


def test_a_form_without_an_end_stays_in_force() -> None:
    assert form_in_force([form(1, 2)], on(10_000)) == form(1, 2)


@pytest.mark.parametrize(
    ("forms", "key"),
    [
        ([form(2, 0), form(1, 3)], 1),
        ([form(1, 3), form(2, 0)], 1),
        ([form(1, 3), form(2, 3)], 2),
        ([form(2, 3), form(1, 3)], 2),
        ([form(1, 0), form(2, 6)], 1),
    ],
    ids=["later start", "later start, listed first", "same start", "the other way", "not started"],
)
def test_of_several_forms_the_latest_start_wins_then_the_newest(
    forms: list[FormTerms], key: int
) -> None:
    chosen = form_in_force(forms, on(5))
    assert chosen
    assert chosen.id == key


@given(forms=forms(), since=st.integers(0, DAYS))
def test_spans_tile_the_days_and_each_has_the_discounts_of_its_days(
    forms: list[FormTerms], since: int
) -> None:
    spans = order_form_spans(forms, on(since))
    assert spans[0].start == on(since)
    assert [span.end for span in spans[:-1]] == [span.start for span in spans[1:]]
    assert spans[-1].end is None
    assert all(span.end is None or span.start < span.end for span in spans)
    for number in range(since, 3 * DAYS):
        in_force = form_in_force(forms, on(number))
        [span] = [
            span for span in spans if span.start <= on(number) and on(number) < (span.end or on(99))
        ]
        assert span.discounts == (in_force and in_force.discounts)


def test_a_form_that_starts_on_the_first_day_makes_no_empty_span() -> None:
    [span] = order_form_spans([form(1, 5)], on(5))
    assert (span.start, span.end, span.discounts) == (on(5), None, Discounts(Decimal(1)))


def test_a_model_has_its_own_discount_even_of_nothing_or_else_the_general_one() -> None:
    discounts = Discounts(Decimal(10), {"grok": Decimal(25), "gpt": Decimal(0)})
    assert [discounts.on(model) for model in ("grok", "gpt", "other")] == [25, 0, 10]
    assert Discounts().on("grok") == 0


@given(forms=forms(), since=st.integers(0, 2 * DAYS))
def test_the_first_day_without_a_form_is_the_first_one_of_all_days(
    forms: list[FormTerms], since: int
) -> None:
    days = [number for number in range(since, 3 * DAYS) if not form_in_force(forms, on(number))]
    expected = on(days[0]) if days else None
    assert first_day_without_form(forms, on(since)) == expected


@given(forms=forms(), today=st.integers(0, 2 * DAYS), is_signed=st.booleans())
def test_one_form_at_most_is_in_force_and_it_is_the_one_that_counts(
    forms: list[FormTerms], today: int, is_signed: bool
) -> None:
    in_force = form_in_force(forms, on(today))
    for terms in forms:
        status = form_status(
            starts_on=terms.starts_on,
            ends_on=terms.ends_on,
            is_signed=is_signed,
            is_in_force=terms == in_force,
            on=on(today),
        )
        is_over = terms.ends_on is not None and terms.ends_on <= on(today)
        assert (status == FormStatus.ENDED) == is_over
        assert (status == FormStatus.IN_FORCE) == (is_signed and terms == in_force)
        assert (status == FormStatus.AWAITING_SIGNATURE) == (not is_signed and not is_over)
        if is_signed and not is_over and terms != in_force:
            started = terms.starts_on <= on(today)
            assert status == (FormStatus.REPLACED if started else FormStatus.UPCOMING)


@pytest.mark.parametrize(
    ("ends", "status"),
    [(5, FormStatus.ENDED), (6, FormStatus.REPLACED), (None, FormStatus.REPLACED)],
)
def test_a_form_is_over_on_its_end_and_replaced_on_its_first_day(
    ends: int | None, status: FormStatus
) -> None:
    terms = form(1, 5, ends)
    found = form_status(
        starts_on=terms.starts_on,
        ends_on=terms.ends_on,
        is_signed=True,
        is_in_force=False,
        on=on(5),
    )
    assert found == status


@given(forms=forms(), today=st.integers(0, 3 * DAYS))
def test_an_invoice_is_due_by_the_form_in_force_or_else_by_the_last_that_was(
    forms: list[FormTerms], today: int
) -> None:
    in_force = (form_in_force(forms, on(number)) for number in range(today, -1, -1))
    last = next((terms for terms in in_force if terms), None)
    expected = last.days_until_due if last else DEFAULT_DAYS_UNTIL_DUE
    assert days_until_due(forms, on(today)) == expected


def test_of_two_forms_the_one_in_force_or_the_later_one_says_when_an_invoice_is_due() -> None:
    forms = [form(1, 0), form(2, 3, 6)]
    assert [days_until_due(forms, on(number)) for number in (2, 3, 5, 6, 7)] == [11, 12, 12, 11, 11]
