"""Terms, commitments and ends of units (R3, R5)."""

from dataclasses import dataclass
from datetime import date, timedelta

from billing.domain.periods import Period
from common.days import last_day

COMMITMENT_DAYS = 30


@dataclass(frozen=True, slots=True)
class Term:
    """The dates of a purchase: first term and commitment start on `starts_on`, ends excluded."""

    starts_on: date
    first_term_ends_on: date
    commitment_ends_on: date

    @classmethod
    def bought_on(cls, day: date, period: Period) -> "Term":
        """Return the term. The first term ends with the period, the commitment in 30 days (R3)."""
        return cls(
            starts_on=day,
            first_term_ends_on=period.end,
            commitment_ends_on=day + timedelta(days=COMMITMENT_DAYS),
        )

    @property
    def committed_until(self) -> date:
        """Return the day before which no unit can end: the later end of commitment and first term.

        A first term of 31 days is longer than the commitment, and it is not refunded (R5).
        """
        return max(self.commitment_ends_on, self.first_term_ends_on)

    @property
    def committed_days(self) -> int:
        return (self.committed_until - self.starts_on).days

    @property
    def last_committed_day(self) -> date:
        return last_day(self.committed_until)

    @property
    def invoice_on(self) -> date:
        """Return the day of the invoice with the charge of the first term: the period's end."""
        return self.first_term_ends_on

    @property
    def renews_from(self) -> date:
        """Return the first day that is charged by itself: the first after the first term (R4)."""
        return self.first_term_ends_on

    @property
    def first_term_days(self) -> int:
        return (self.first_term_ends_on - self.starts_on).days


@dataclass(frozen=True, slots=True)
class CancellationTerms:
    """The end of cancelled units, and their cost until then in minor units at list price (R5)."""

    units: int
    ends_on: date
    days_left: int
    """Service days that are still to be charged."""
    remaining_cost: int

    @property
    def last_charged_day(self) -> date:
        return self.ends_on - timedelta(days=1)


def cancellation_terms(
    *, units: int, on: date, charged_until: date, commitment_ends_on: date, price_per_day: int
) -> CancellationTerms:
    """Return the terms of cancelling `units` of a lot on the service day `on` (R5).

    The end is the latest of: the end of the commitment, the first day not charged yet, and the day
    after `on`. The days still to be charged are in the commitment, or are the day `on`, so they
    cost the agreed price `price_per_day`, in minor units (R6).
    """
    ends_on = max(commitment_ends_on, charged_until, on + timedelta(days=1))
    days_left = (ends_on - charged_until).days
    return CancellationTerms(
        units=units,
        ends_on=ends_on,
        days_left=days_left,
        remaining_cost=units * days_left * price_per_day,
    )
