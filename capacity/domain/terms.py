"""Terms, commitments and ends of units (R3, R5)."""

from dataclasses import dataclass
from datetime import date, timedelta

from billing.domain.periods import Period

COMMITMENT_DAYS = 30


@dataclass(frozen=True, slots=True)
class Term:
    """The fixed dates of a purchase: first term and commitment, both half-open from `starts_on`."""

    starts_on: date
    first_term_ends_on: date
    commitment_ends_on: date

    @classmethod
    def bought_on(cls, day: date, period: Period) -> "Term":
        """R3: the first term runs to the next period's start, the commitment for 30 days."""
        return cls(
            starts_on=day,
            first_term_ends_on=period.end,
            commitment_ends_on=day + timedelta(days=COMMITMENT_DAYS),
        )

    @property
    def commitment_days(self) -> int:
        return (self.commitment_ends_on - self.starts_on).days

    @property
    def first_term_days(self) -> int:
        return (self.first_term_ends_on - self.starts_on).days


@dataclass(frozen=True, slots=True)
class CancellationTerms:
    """What cancelling `units` of a lot on one day means (R5). Costs are minor units, list price."""

    units: int
    ends_on: date
    remaining_cost: int

    @property
    def last_charged_day(self) -> date:
        return self.ends_on - timedelta(days=1)


def cancellation_terms(
    *, units: int, on: date, charged_until: date, commitment_ends_on: date, price_per_day: int
) -> CancellationTerms:
    """R5: units end at max(commitment end, day to which the lot is charged), never before `on` + 1.

    Days still to be charged all lie within the commitment or today, hence the lot's own price (R6).
    """
    ends_on = max(commitment_ends_on, charged_until, on + timedelta(days=1))
    days_left = (ends_on - charged_until).days
    return CancellationTerms(
        units=units, ends_on=ends_on, remaining_cost=units * days_left * price_per_day
    )
