"""The upcoming invoice: the charges of the present period, and the projected total (R22)."""

from datetime import date, timedelta

from django.conf import settings

from accounts.models import Organization
from billing.domain.billing_details import Customer
from billing.domain.invoices import invoice_totals
from billing.domain.money import Money
from billing.domain.order_forms import days_until_due
from billing.queries.billing_details import customer_of
from billing.queries.charges import charge_lines
from billing.queries.forecast import lines_to_come
from billing.queries.invoices import (
    UPCOMING,
    Statement,
    find_invoice,
    statement_lines,
    statement_of,
)
from billing.queries.standing import standing


def upcoming_invoice(
    organization: Organization, *, on: date, billed_to: Customer | None = None
) -> Statement:
    """Return the upcoming invoice as of the service day `on` (R8, R22).

    Its lines are the posted charges. Its `projected_total` adds the renewals to come. It is made
    out as the present billing details say, which are read unless `billed_to` is given.
    """
    present = standing(organization, on)
    period = present.period
    posted = charge_lines([organization.pk], period).get(organization.pk, [])
    so_far = invoice_totals(posted)
    [to_come] = lines_to_come(organization, present, periods=[period])
    projected = invoice_totals([*posted, *to_come])
    return Statement(
        id=None,
        number=None,
        status="open",
        period=period,
        issued_on=period.end,
        due_on=period.end + timedelta(days=days_until_due(present.forms, period.end)),
        lines=statement_lines(so_far.lines, settings.CURRENCY),
        subtotal=_money(so_far.subtotal),
        discount=_money(so_far.discount),
        total=_money(so_far.total),
        billed_to=billed_to or customer_of(organization),
        seller=settings.SELLER,
        projected_total=_money(projected.total),
    )


def find_statement(organization: Organization, key: str, *, on: date) -> Statement:
    """Return the upcoming invoice, or an issued one by its id. Raises NotFound (R18)."""
    if key == UPCOMING:
        return upcoming_invoice(organization, on=on)
    return statement_of(find_invoice(organization=organization, invoice_id=key), on=on)


def _money(amount: int) -> Money:
    return Money(amount, settings.CURRENCY)
