"""The forecast: the invoices of the present period and the three after it (R22)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from django.conf import settings

from accounts.models import Organization
from billing.domain.invoices import LineItem, invoice_totals
from billing.domain.money import Money
from billing.domain.order_forms import Discounts, FormTerms, OrderFormSpan, order_form_spans
from billing.domain.periods import Period
from billing.models import ChargeType
from billing.queries.charges import charge_lines
from billing.queries.invoices import StatementLine, statement_lines
from billing.queries.order_forms import billing_account, signed_forms
from billing.queries.spend import hard_limits
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
    tiles = upcoming_periods(organization, on=on, number=periods)
    posted = charge_lines([organization.pk], tiles[0]).get(organization.pk, [])
    forms = signed_forms(organization)
    first, *later = lines_to_come(organization, forms, on=on, periods=tiles)
    invoices = [[*posted, *first], *later]
    return [_invoice(period, lines) for period, lines in zip(tiles, invoices, strict=True)]


def lines_to_come(
    organization: Organization,
    forms: Sequence[FormTerms],
    *,
    on: date,
    periods: Sequence[Period],
) -> list[list[LineItem]]:
    """Return the renewals from `on` on as invoice lines of each of the periods (R22).

    The first period contains `on`; `forms` are the signed order forms.
    """
    spans = order_form_spans(forms, on)
    renewals = list(
        connected_seller().renewals_to_come(
            organization=organization,
            on=on,
            until=periods[-1].end,
            order_forms=spans,
            limits=hard_limits(organization, periods),
        )
    )
    return [list(_lines(renewals, period, spans)) for period in periods]


def upcoming_periods(organization: Organization, *, on: date, number: int) -> list[Period]:
    """Return the period that contains `on` and those after it, `number` in all (R2)."""
    account = billing_account(organization)
    tiles = [account.period_containing(on)]
    while len(tiles) < number:
        tiles.append(account.period_containing(tiles[-1].end))
    return tiles


def periods_until(organization: Organization, *, on: date, end: date) -> list[Period]:
    """Return the period that contains `on` and those after it that start before `end` (R2)."""
    account = billing_account(organization)
    tiles = [account.period_containing(on)]
    while tiles[-1].end < end:
        tiles.append(account.period_containing(tiles[-1].end))
    return tiles


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
