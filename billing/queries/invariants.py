"""Invariants of charges and invoices."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime
from itertools import islice

from django.db.models import Exists, F, Min, OuterRef
from django.db.models.functions import Coalesce

from billing.domain.invoices import LineItem, invoice_totals
from billing.domain.periods import Period, period_containing
from billing.models import Charge, Invoice, InvoiceLine
from billing.queries.charges import charge_lines
from billing.queries.order_forms import DEFAULT_ANCHOR_DAY
from common.invariants import Invariant, sql_contradictions

BATCH = 500
"""Invoices compared with one query."""


def _lines_differ_from_charges(_now: datetime) -> Iterator[str]:
    """Yield invoices whose lines are not those computed again from their charges (R8)."""
    every = Invoice.objects.order_by("period_start", "period_end")
    for start, end in every.values_list("period_start", "period_end").distinct():
        issued = every.filter(period_start=start, period_end=end).order_by("pk").iterator()
        while batch := list(islice(issued, BATCH)):
            yield from _differences(batch, Period(start, end))


def _differences(invoices: list[Invoice], period: Period) -> Iterator[str]:
    charged = charge_lines([invoice.organization_id for invoice in invoices], period)
    written: defaultdict[int, list[tuple[LineItem, int, int]]] = defaultdict(list)
    for row in InvoiceLine.objects.filter(invoice__in=invoices):
        line = LineItem(
            model=row.model,
            kind=row.kind,
            type=row.type,
            price_per_day=row.price_per_day,
            discount_percent=row.discount_percent,
            unit_days=row.unit_days,
        )
        written[row.invoice_id].append((line, row.amount, row.discount))
    for invoice in invoices:
        due = invoice_totals(charged.get(invoice.organization_id, []))
        if sorted(written[invoice.pk]) != [
            (line, line.amount, line.discount) for line in due.lines
        ]:
            total = sum(amount - discount for _, amount, discount in written[invoice.pk])
            yield f"{invoice.public_id}: lines of {total}, charges of {due.total} minor units"


ANCHOR_DAY = Coalesce("organization__billing__anchor_day", DEFAULT_ANCHOR_DAY)
"""An organization whose billing account is lost has wrong rows too, and they are named."""


def _periods_off_anchor_day(_now: datetime) -> Iterator[str]:
    anchored = Invoice.objects.values_list("period_start", "period_end", ANCHOR_DAY)
    for start, end, anchor_day in anchored.order_by("period_start").distinct():
        if Period(start, end) != period_containing(start, anchor_day=anchor_day):
            yield f"invoices from {start} to {end}, of organizations with anchor day {anchor_day}"


def _ended_without_invoice(_now: datetime) -> Iterator[str]:
    covering = Invoice.objects.filter(
        organization=OuterRef("organization"),
        period_start__lte=OuterRef("posted_on"),
        period_end__gt=OuterRef("posted_on"),
    )
    rows = (
        Charge.objects.filter(~Exists(covering))
        .values_list("organization__public_id", ANCHOR_DAY)
        .annotate(until=F("organization__opened_until"), oldest=Min("posted_on"))
    )
    for organization, anchor_day, opened_until, oldest in rows.iterator():
        period = period_containing(oldest, anchor_day=anchor_day)
        if period.end < opened_until:
            yield f"{organization}: no invoice from {period.start} to {period.end}"


TOTALS_DIFFER_FROM_LINES = """
    SELECT invoice.public_id || ': total ' || invoice.total || ', lines of ' ||
           coalesce(sum(line.amount - line.discount), 0) || ' minor units'
    FROM billing_invoice invoice
    LEFT JOIN billing_invoiceline line
           ON line.invoice_id = invoice.id AND line.organization_id = invoice.organization_id
    GROUP BY invoice.id
    HAVING invoice.subtotal IS DISTINCT FROM sum(line.amount)
        OR invoice.discount IS DISTINCT FROM sum(line.discount)
        OR invoice.total <> invoice.subtotal - invoice.discount
"""

GAPS_IN_NUMBERS = """
    SELECT organization.public_id || ': ' || count(invoice.id) || ' invoices, numbered '
           || coalesce(min(invoice.number) || ' to ' || max(invoice.number), 'not at all')
           || ', the last one given being ' || account.last_invoice_number
    FROM billing_billingaccount account
    JOIN accounts_organization organization ON organization.id = account.organization_id
    LEFT JOIN billing_invoice invoice ON invoice.organization_id = account.organization_id
    GROUP BY organization.id, account.organization_id
    HAVING count(invoice.id) <> account.last_invoice_number
        OR coalesce(min(invoice.number), 1) <> 1
        OR coalesce(max(invoice.number), 0) <> account.last_invoice_number
"""

INVOICES_WITHOUT_PAYMENT = """
    SELECT invoice.public_id || ': nobody could tell whether it is paid'
    FROM billing_invoice invoice
    LEFT JOIN billing_invoicepayment payment ON payment.invoice_id = invoice.id
    WHERE payment.organization_id IS DISTINCT FROM invoice.organization_id
"""

STRIPE_TOTALS_DIFFER = """
    SELECT invoice.public_id || ': ours ' || invoice.total || ', Stripe''s '
           || coalesce(sync.provider_total::text, 'unknown') || ' minor units'
    FROM billing_invoice invoice
    JOIN billing_invoicesync sync ON sync.invoice_id = invoice.id
    WHERE sync.synced_at IS NOT NULL AND sync.provider_total IS DISTINCT FROM invoice.total
"""

# Stripe's page takes payments until Stripe reports one, or we have synced one to Stripe.
PAYABLE_THOUGH_PAID = """
    SELECT invoice.public_id || ': paid, but ' || sync.provider_id || ' was never told'
    FROM billing_invoice invoice
    JOIN billing_invoicesync sync ON sync.invoice_id = invoice.id
    JOIN billing_invoicepayment payment ON payment.invoice_id = invoice.id
    WHERE sync.status = 'synced' AND payment.status = 'paid'
      AND NOT EXISTS (
          SELECT FROM accounts_auditentry entry
          WHERE entry.organization_id = invoice.organization_id
            AND entry.subject = invoice.public_id
            AND (entry.action = 'invoice.payment_told'
                 OR entry.action = 'invoice.paid' AND entry.source = 'stripe')
      )
"""

DAILY_SPEND_DIFFERS = """
    SELECT organization.public_id || ', ' || posted_on || ': charges of '
           || coalesce(charged.amount, 0) || ', counted '
           || coalesce(spend.amount, 0) || ' minor units'
    FROM (
        SELECT organization_id, project_id, posted_on, sum(amount) AS amount
        FROM billing_charge GROUP BY organization_id, project_id, posted_on
    ) charged
    FULL JOIN billing_dailyspend spend USING (organization_id, project_id, posted_on)
    JOIN accounts_organization organization ON organization.id = organization_id
    WHERE charged.amount IS DISTINCT FROM spend.amount
"""

INVARIANTS = (
    Invariant("An invoice's lines are what its charges add up to", _lines_differ_from_charges),
    Invariant(
        "An invoice's totals are the sums of its lines",
        sql_contradictions(TOTALS_DIFFER_FROM_LINES),
    ),
    Invariant(
        "An organization's invoices are numbered without gaps", sql_contradictions(GAPS_IN_NUMBERS)
    ),
    Invariant("Invoices are of periods that start on the anchor day", _periods_off_anchor_day),
    Invariant("A period with charges that has ended has its invoice", _ended_without_invoice),
    Invariant(
        "An invoice is open, paid, void or uncollectible",
        sql_contradictions(INVOICES_WITHOUT_PAYMENT),
    ),
    Invariant(
        "What limits count is the sum of the charges", sql_contradictions(DAILY_SPEND_DIFFERS)
    ),
    Invariant("Stripe's totals equal ours", sql_contradictions(STRIPE_TOTALS_DIFFER)),
    Invariant(
        "What is paid cannot be paid again at Stripe", sql_contradictions(PAYABLE_THOUGH_PAID)
    ),
)
