"""What is always so of charges and invoices, asserted over the whole database, rows at fault named.

An invariant is a sentence and a function that finds what contradicts it. Whoever adds a rule that
money depends on adds its invariant to the tuple at the end of the module it belongs to.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from django.db import connection
from django.db.models import Exists, F, Min, OuterRef

from billing.domain.invoices import Line, figures
from billing.domain.periods import Period, period_containing
from billing.models import Charge, Invoice, InvoiceLine
from billing.queries.invoices import charge_lines

MOST_NAMED = 20
"""Rows at fault that are named of one invariant; a thousand more say nothing new."""

INVOICES_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Invariant:
    """`says` what is always so; `faults` describes each row that contradicts it, as of `now`."""

    says: str
    faults: Callable[[datetime], Iterable[str]]


@dataclass(frozen=True, slots=True)
class Violation:
    """An invariant that does not hold, and the first rows at fault."""

    invariant: Invariant
    rows: tuple[str, ...]


def violations(invariants: Iterable[Invariant], *, now: datetime) -> Iterator[Violation]:
    """Check each; `now` is the real clock's, sandboxes are read by their own."""
    for invariant in invariants:
        if rows := tuple(islice(invariant.faults(now), MOST_NAMED)):
            yield Violation(invariant, rows)


def found_by(sql: str) -> Callable[[datetime], Iterator[str]]:
    """Faults that a query finds: one text a row. `%(now)s` is the real time."""

    def faults(now: datetime) -> Iterator[str]:
        with connection.cursor() as cursor:
            cursor.execute(f"{sql} LIMIT {MOST_NAMED}", {"now": now})
            yield from (text for (text,) in cursor.fetchall())

    return faults


# --- Invoices ----------------------------------------------------------------------------------


def _lines_unlike_charges(_now: datetime) -> Iterator[str]:
    """Each invoice's lines again, from its charges, by the function that made them (R8)."""
    every = Invoice.objects.order_by("period_start", "period_end")
    for start, end in every.values_list("period_start", "period_end").distinct():
        issued = every.filter(period_start=start, period_end=end).order_by("pk").iterator()
        while some := list(islice(issued, INVOICES_AT_ONCE)):
            yield from _unlike(some, Period(start, end))


def _unlike(invoices: list[Invoice], period: Period) -> Iterator[str]:
    charged = charge_lines([invoice.organization_id for invoice in invoices], period)
    written: defaultdict[int, list[tuple[Line, int, int]]] = defaultdict(list)
    for row in InvoiceLine.objects.filter(invoice__in=invoices):
        line = Line(
            model=row.model,
            kind=row.kind,
            type=row.type,
            price_per_day=row.price_per_day,
            discount_percent=row.discount_percent,
            unit_days=row.unit_days,
        )
        written[row.invoice_id].append((line, row.amount, row.discount))
    for invoice in invoices:
        due = figures(charged.get(invoice.organization_id, []))
        if sorted(written[invoice.pk]) != [
            (line, line.amount, line.discount) for line in due.lines
        ]:
            said = sum(amount - discount for _, amount, discount in written[invoice.pk])
            yield f"{invoice.public_id}: lines of {said}, charges of {due.total} minor units"


def _strange_periods(_now: datetime) -> Iterator[str]:
    anchored = Invoice.objects.values_list(
        "period_start", "period_end", "organization__billing__anchor_day"
    )
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
        .values_list("organization__public_id", "organization__billing__anchor_day")
        .annotate(until=F("organization__opened_until"), oldest=Min("posted_on"))
    )
    for organization, anchor_day, opened_until, oldest in rows.iterator():
        period = period_containing(oldest, anchor_day=anchor_day)
        if period.end < opened_until:
            yield f"{organization}: no invoice from {period.start} to {period.end}"


TOTALS_UNLIKE_LINES = """
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
    FROM billing_account account
    JOIN accounts_organization organization ON organization.id = account.organization_id
    LEFT JOIN billing_invoice invoice ON invoice.organization_id = account.organization_id
    GROUP BY organization.id, account.organization_id
    HAVING count(invoice.id) <> account.last_invoice_number
        OR coalesce(min(invoice.number), 1) <> 1
        OR coalesce(max(invoice.number), 0) <> account.last_invoice_number
"""

WITHOUT_SETTLEMENT = """
    SELECT invoice.public_id || ': nobody could tell whether it is paid'
    FROM billing_invoice invoice
    LEFT JOIN billing_settlement settlement ON settlement.invoice_id = invoice.id
    WHERE settlement.organization_id IS DISTINCT FROM invoice.organization_id
"""

STRIPE_TOTALS_UNLIKE_OURS = """
    SELECT invoice.public_id || ': ours ' || invoice.total || ', Stripe''s '
           || coalesce(dispatch.provider_total::text, 'unknown') || ' minor units'
    FROM billing_invoice invoice
    JOIN billing_dispatch dispatch ON dispatch.invoice_id = invoice.id
    WHERE dispatch.sent_at IS NOT NULL AND dispatch.provider_total IS DISTINCT FROM invoice.total
"""

# Stripe's own word that it is paid, or ours to Stripe: until one of them, its page takes payments.
PAYABLE_THOUGH_PAID = """
    SELECT invoice.public_id || ': paid, but ' || dispatch.provider_id || ' was never told'
    FROM billing_invoice invoice
    JOIN billing_dispatch dispatch ON dispatch.invoice_id = invoice.id
    JOIN billing_settlement settlement ON settlement.invoice_id = invoice.id
    WHERE dispatch.status = 'sent' AND settlement.status = 'paid'
      AND NOT EXISTS (
          SELECT FROM accounts_auditentry entry
          WHERE entry.organization_id = invoice.organization_id
            AND entry.subject = invoice.public_id
            AND (entry.action = 'invoice.payment_told'
                 OR entry.action = 'invoice.paid' AND entry.source = 'stripe')
      )
"""

INVARIANTS = (
    Invariant("An invoice's lines are what its charges add up to", _lines_unlike_charges),
    Invariant("An invoice's totals are the sums of its lines", found_by(TOTALS_UNLIKE_LINES)),
    Invariant("An organization's invoices are numbered without gaps", found_by(GAPS_IN_NUMBERS)),
    Invariant("Invoices are of periods that start on the anchor day", _strange_periods),
    Invariant("A period with charges that has ended has its invoice", _ended_without_invoice),
    Invariant("An invoice is open, paid, void or uncollectible", found_by(WITHOUT_SETTLEMENT)),
    Invariant("Stripe's totals equal ours", found_by(STRIPE_TOTALS_UNLIKE_OURS)),
    Invariant("What is paid cannot be paid again at Stripe", found_by(PAYABLE_THOUGH_PAID)),
)
