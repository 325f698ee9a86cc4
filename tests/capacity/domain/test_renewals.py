"""Prices and ends of units on days to come (R4, R5, R6, R11), against a day-by-day reference."""

from datetime import date, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from billing.domain.order_forms import Discounts, OrderFormSpan
from capacity.domain.renewals import PriceAgreement, cause_of_end, known_end, price_spans
from capacity.domain.timeline import Cause

START = date(2026, 1, 1)
DAYS = 10
HORIZON = 3 * DAYS

numbers = st.integers(0, DAYS)
prices = st.dictionaries(numbers, st.integers(1, 3), max_size=4)


def on(number: int) -> date:
    return START + timedelta(days=number)


def dated(prices: dict[int, int]) -> list[tuple[date, int]]:
    return [(on(number), price) for number, price in sorted(prices.items())]


def spans_of(in_force: list[bool]) -> list[OrderFormSpan]:
    """One span for each day with or without a form; the last one has no end."""
    last = len(in_force) - 1
    return [
        OrderFormSpan(
            on(number), None if number == last else on(number + 1), Discounts() if form else None
        )
        for number, form in enumerate(in_force)
    ]


@pytest.mark.parametrize(("commitment", "first_term"), [(3, 5), (5, 3), (5, 5)])
def test_the_agreed_price_holds_in_the_commitment_and_in_the_first_term(
    commitment: int, first_term: int
) -> None:
    agreement = PriceAgreement.of_lot(
        price=7, commitment_ends_on=on(commitment), first_term_ends_on=on(first_term)
    )
    list_prices = dated({0: 1, 5: 2, 6: 3})
    assert [agreement.price_on(on(number), list_prices) for number in (0, 4, 5, 6, 9)] == [
        7, 7, 2, 3, 3
    ]  # fmt: skip


def test_a_day_before_every_list_price_has_none() -> None:
    agreement = PriceAgreement(price=7, until=on(2))
    assert agreement.price_on(on(1), dated({4: 2})) == 7
    assert agreement.price_on(on(2), dated({4: 2})) is None
    assert agreement.price_on(on(2), []) is None


@given(start=numbers, end=numbers, until=numbers, prices=prices)
@example(start=3, end=3, until=5, prices={})
@example(start=3, end=8, until=3, prices={3: 1, 8: 2})
@example(start=5, end=2, until=0, prices={0: 1, 3: 2})
def test_price_spans_are_the_priced_days_in_order(
    start: int, end: int, until: int, prices: dict[int, int]
) -> None:
    agreement = PriceAgreement(price=7, until=on(until))
    list_prices = dated(prices)
    spans = list(price_spans(on(start), on(end), agreement=agreement, list_prices=list_prices))
    assert all(first < last for first, last, _ in spans)
    foreseen = [
        (first + timedelta(days=number), price)
        for first, last, price in spans
        for number in range((last - first).days)
    ]
    day_by_day = [
        (on(number), agreement.price_on(on(number), list_prices)) for number in range(start, end)
    ]
    assert foreseen == [(day, price) for day, price in day_by_day if price is not None]


@given(
    cancelled_to=st.none() | numbers,
    retires=st.none() | numbers,
    commitment=numbers,
    charged=numbers,
    in_force=st.lists(st.booleans(), min_size=1, max_size=DAYS),
)
@example(cancelled_to=None, retires=None, commitment=2, charged=1, in_force=[True, False, True])
@example(cancelled_to=None, retires=None, commitment=1, charged=0, in_force=[True, False, True])
@example(cancelled_to=None, retires=None, commitment=0, charged=0, in_force=[True, False])
@example(cancelled_to=None, retires=None, commitment=5, charged=0, in_force=[True, False])
def test_units_end_on_the_first_day_that_ends_them(
    cancelled_to: int | None,
    retires: int | None,
    commitment: int,
    charged: int,
    in_force: list[bool],
) -> None:
    foreseen = known_end(
        cancelled_to=None if cancelled_to is None else on(cancelled_to),
        retires_on=None if retires is None else on(retires),
        commitment_ends_on=on(commitment),
        charged_until=on(charged),
        order_forms=spans_of(in_force),
    )
    day_by_day = (
        number
        for number in range(HORIZON)
        if number in {cancelled_to, retires}
        or (number >= max(commitment, charged) and not in_force[min(number, len(in_force) - 1)])
    )
    end = next(day_by_day, None)
    assert foreseen == (None if end is None else on(end))


@pytest.mark.parametrize(
    ("end", "cancelled_to", "retires", "cause"),
    [
        (None, None, None, None),
        (None, 3, 3, None),
        (3, 3, 3, Cause.CANCELLED),
        (3, 4, 3, Cause.MODEL_RETIRED),
        (3, None, None, Cause.ORDER_FORM_ENDED),
        (3, 4, 4, Cause.ORDER_FORM_ENDED),
    ],
)
def test_of_several_causes_of_an_end_the_first_counts(
    end: int | None, cancelled_to: int | None, retires: int | None, cause: Cause | None
) -> None:
    day, cancelled, retired = (
        None if number is None else on(number) for number in (end, cancelled_to, retires)
    )
    assert cause_of_end(day, cancelled_to=cancelled, retires_on=retired) == cause
