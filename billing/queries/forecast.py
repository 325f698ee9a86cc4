"""The forecast: the invoices of the present period and the three after it (R22)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from django.conf import settings

from accounts.models import Organization
from billing.domain.invoices import LineItem, invoice_totals
from billing.domain.money import Money
from billing.domain.order_forms import Discounts, OrderFormSpan
from billing.domain.periods import Period
from billing.models import ChargeType
from billing.queries.charges import charge_lines
from billing.queries.invoices import StatementLine, statement_lines
from billing.queries.standing import Standing, standing
from billing.seller import ComingRenewal, connected_seller

PERIODS = 4
"""The present period and the three after it."""


@dataclass(frozen=True, slots=True)
class ForecastPeriod:
    """The invoice of one period, as it will be if nobody changes anything and all is paid."""

    period: Period
    lines: Sequence[StatementLine]
    subtotal: Money
    discount: Money
    total: Money

    @property
    def issued_on(self) -> date:
        """Return the day on which the invoice will be issued: the first after the period (R8)."""
        return self.period.end


def forecast(
    organization: Organization, *, on: date, periods: int = PERIODS
) -> list[ForecastPeriod]:
    """Return the invoices to come, the one of the period that contains `on` first (R22).

    They are exact: known ends, dated prices, order forms, hard limits and retirements count, and
    each day has the discount of the order form that is in force on it (R8).
    """
    present = standing(organization, on)
    tiles = present.periods(periods)
    posted = charge_lines([organization.pk], tiles[0]).get(organization.pk, [])
    first, *later = lines_to_come(organization, present, periods=tiles)
    invoices = [[*posted, *first], *later]
    return [_invoice(period, lines) for period, lines in zip(tiles, invoices, strict=True)]


def lines_to_come(
    organization: Organization, present: Standing, *, periods: Sequence[Period]
) -> list[list[LineItem]]:
    """Return the renewals from today on as invoice lines of each of the periods (R22).

    The first period is the present one.
    """
    spans = present.form_spans
    renewals = list(
        connected_seller().renewals_to_come(
            organization=organization,
            on=present.on,
            until=periods[-1].end,
            order_forms=spans,
            limits=present.hard_limits(periods),
        )
    )
    return [list(_lines(renewals, period, spans)) for period in periods]


def _lines(
    renewals: Sequence[ComingRenewal], period: Period, spans: Sequence[OrderFormSpan]
) -> Iterator[LineItem]:
    """Yield the renewals within the period as invoice lines."""
    for renewal in renewals:
        for span in spans:
            start = max(renewal.start, span.start, period.start)
            end = min(renewal.end, span.end or renewal.end, period.end)
            if start < end:
                yield LineItem(
                    model=renewal.model,
                    kind=renewal.kind,
                    type=ChargeType.RENEWAL,
                    price_per_day=renewal.price_per_day,
                    discount_percent=(span.discounts or Discounts()).on(renewal.model),
                    unit_days=renewal.units * (end - start).days,
                )


def _invoice(period: Period, items: Sequence[LineItem]) -> ForecastPeriod:
    totals = invoice_totals(items)
    return ForecastPeriod(
        period=period,
        lines=statement_lines(totals.lines, settings.CURRENCY),
        subtotal=Money(totals.subtotal, settings.CURRENCY),
        discount=Money(totals.discount, settings.CURRENCY),
        total=Money(totals.total, settings.CURRENCY),
    )
