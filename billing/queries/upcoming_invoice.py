"""The upcoming invoice: the charges of the present period, and the projected total (R22)."""

from collections.abc import Iterator
from datetime import date, timedelta

from django.conf import settings

from accounts.models import Organization
from billing.domain.invoices import LineItem, invoice_totals
from billing.domain.money import Money
from billing.domain.order_forms import Discounts, order_form_spans
from billing.domain.periods import Period
from billing.models import ChargeType
from billing.queries.charges import charge_lines
from billing.queries.invoices import (
    UPCOMING,
    Statement,
    find_invoice,
    statement_lines,
    statement_of,
)
from billing.queries.order_forms import billing_account, days_until_due, signed_forms
from billing.seller import connected_seller


def upcoming_invoice(organization: Organization, *, on: date) -> Statement:
    """Return the upcoming invoice as of the service day `on` (R8, R22).

    Its lines are the posted charges. Its `projected_total` adds the renewals to come.
    """
    account = billing_account(organization)
    period = account.period_containing(on)
    posted = charge_lines([organization.pk], period).get(organization.pk, [])
    so_far = invoice_totals(posted)
    projected = invoice_totals([*posted, *lines_to_come(organization, period=period, on=on)])
    due_in = days_until_due([account], period.end)[organization.pk]
    return Statement(
        id=None,
        number=None,
        status="open",
        period=period,
        issued_on=period.end,
        due_on=period.end + timedelta(days=due_in),
        lines=statement_lines(so_far.lines, settings.CURRENCY),
        subtotal=_money(so_far.subtotal),
        discount=_money(so_far.discount),
        total=_money(so_far.total),
        projected_total=_money(projected.total),
    )


def find_statement(organization: Organization, key: str, *, on: date) -> Statement:
    """Return the upcoming invoice, or an issued one by its id. Raises NotFound (R18)."""
    if key == UPCOMING:
        return upcoming_invoice(organization, on=on)
    return statement_of(find_invoice(organization=organization, invoice_id=key), on=on)


def lines_to_come(organization: Organization, *, period: Period, on: date) -> Iterator[LineItem]:
    """Yield the renewals from `on` to the end of the period as invoice lines.

    Each day has the discount of the signed order form that is in force on that day (R8).
    """
    spans = order_form_spans(signed_forms(organization), on)
    renewals = connected_seller().renewals_to_come(
        organization=organization, on=on, until=period.end, order_forms=spans
    )
    for renewal in renewals:
        for span in spans:
            start = max(renewal.start, span.start)
            end = min(renewal.end, span.end or renewal.end)
            if start < end:
                yield LineItem(
                    model=renewal.model,
                    kind=renewal.kind,
                    type=ChargeType.RENEWAL,
                    price_per_day=renewal.price_per_day,
                    discount_percent=(span.discounts or Discounts()).on(renewal.model),
                    unit_days=renewal.units * (end - start).days,
                )


def _money(amount: int) -> Money:
    return Money(amount, settings.CURRENCY)
