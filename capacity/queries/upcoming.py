"""The next invoice, read as the issued ones are."""

from datetime import date

from django.conf import settings

from accounts.models import Organization
from billing.queries.invoices import find_invoice
from billing.queries.statements import UPCOMING, Statement, statement_lines, statement_of
from capacity.queries.projection import upcoming_invoice


def upcoming_statement(organization: Organization, *, on: date) -> Statement:
    """The present period so far, and what it will come to if nothing changes."""
    upcoming = upcoming_invoice(organization, on=on)
    return Statement(
        id=None,
        number=None,
        status="open",
        period=upcoming.period,
        issued_on=upcoming.period.end,
        due_on=upcoming.due_on,
        lines=statement_lines(upcoming.so_far.lines, settings.CURRENCY),
        subtotal=upcoming.money(upcoming.so_far.subtotal),
        discount=upcoming.money(upcoming.so_far.discount),
        total=upcoming.money(upcoming.so_far.total),
        projected_total=upcoming.money(upcoming.projected.total),
    )


def find_statement(organization: Organization, key: str, *, on: date) -> Statement:
    """The upcoming invoice, or an issued one by its id. Raises NotFound, for another's too."""
    if key == UPCOMING:
        return upcoming_statement(organization, on=on)
    return statement_of(find_invoice(organization=organization, invoice_id=key), on=on)
