"""Which order form is in force on which day, and what it discounts (R8, R11)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum
from itertools import zip_longest

DEFAULT_DAYS_UNTIL_DUE = 30


@dataclass(frozen=True, slots=True)
class Discounts:
    """The discount percentages of an order form (R8)."""

    general: Decimal = Decimal(0)
    by_model: Mapping[str, Decimal] = field(default_factory=dict)

    def on(self, model: str) -> Decimal:
        """Return the percentage for a model: its own percentage, or the general one."""
        return self.by_model.get(model, self.general)


class FormStatus(StrEnum):
    """What an order form is on a day."""

    AWAITING_SIGNATURE = "awaiting_signature"
    UPCOMING = "upcoming"
    IN_FORCE = "in_force"
    REPLACED = "replaced"
    """Another signed form, with a later start, has taken over (R23)."""
    ENDED = "ended"
    """Its days are over, signed or not."""


@dataclass(frozen=True, slots=True)
class FormTerms:
    """A signed order form, in force on the days `[starts_on, ends_on)`; its early end is in it."""

    id: int
    starts_on: date
    ends_on: date | None
    discounts: Discounts
    days_until_due: int = DEFAULT_DAYS_UNTIL_DUE
    """Days from the issue of an invoice to its due date."""

    def is_in_force(self, on: date) -> bool:
        return self.starts_on <= on and (self.ends_on is None or on < self.ends_on)


@dataclass(frozen=True, slots=True)
class OrderFormSpan:
    """Days `[start, end)` with the same order form in force, or none. `end` None: no end."""

    start: date
    end: date | None
    discounts: Discounts | None
    """None: no order form is in force."""


def form_in_force(forms: Sequence[FormTerms], on: date) -> FormTerms | None:
    """Return the form in force on a day. If there are several, the latest start wins (R11, R23)."""
    candidates = [form for form in forms if form.is_in_force(on)]
    return max(candidates, key=lambda form: (form.starts_on, form.id), default=None)


def form_status(
    *,
    starts_on: date,
    ends_on: date | None,
    is_signed: bool,
    is_in_force: bool,
    on: date,
) -> FormStatus:
    """Return what a form is on a day. `is_in_force`: no later form has taken over."""
    if ends_on is not None and ends_on <= on:
        return FormStatus.ENDED
    if not is_signed:
        return FormStatus.AWAITING_SIGNATURE
    if on < starts_on:
        return FormStatus.UPCOMING
    return FormStatus.IN_FORCE if is_in_force else FormStatus.REPLACED


def first_day_without_form(forms: Sequence[FormTerms], since: date) -> date | None:
    """Return the first day from `since` on with no form in force (R11); None if there is none."""
    spans = order_form_spans(forms, since)
    return next((span.start for span in spans if span.discounts is None), None)


def days_until_due(forms: Sequence[FormTerms], on: date) -> int:
    """Return the days from issue to due date of an invoice that is issued on a day.

    The number is that of the form in force on the day, or else of the form in force last.
    """
    tomorrow = on + timedelta(days=1)
    started = [form for form in forms if form.starts_on <= on]
    latest = max(
        started,
        key=lambda form: (min(form.ends_on or tomorrow, tomorrow), form.starts_on, form.id),
        default=None,
    )
    return latest.days_until_due if latest else DEFAULT_DAYS_UNTIL_DUE


def order_form_spans(forms: Sequence[FormTerms], since: date) -> list[OrderFormSpan]:
    """Return the days from `since` on as spans, in order; each has one form in force or none."""
    boundaries = {day for form in forms for day in (form.starts_on, form.ends_on) if day}
    starts = [since, *sorted(day for day in boundaries if day > since)]
    spans: list[OrderFormSpan] = []
    for start, end in zip_longest(starts, starts[1:]):
        form = form_in_force(forms, start)
        spans.append(OrderFormSpan(start, end, form.discounts if form else None))
    return spans
