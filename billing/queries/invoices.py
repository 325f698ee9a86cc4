"""Issued invoices, and `Statement`, the form in which pages and API read every invoice."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.conf import settings
from django.db.models import Exists, OuterRef, Prefetch, Q, QuerySet

from accounts.models import Organization
from billing.domain.billing_details import Customer
from billing.domain.invoice_numbers import parse_number
from billing.domain.invoices import LineItem
from billing.domain.money import Money
from billing.domain.periods import Period
from billing.models import (
    Charge,
    ChargeType,
    Invoice,
    InvoiceLine,
    InvoiceStatus,
    PaymentStatus,
    SyncStatus,
)
from billing.queries.billing_details import COUNTRIES
from billing.queries.charges import charges, charges_of_line
from common.errors import NotFound

UPCOMING = "upcoming"
"""Takes the place of the id in the URL of the invoice that is not issued yet."""


def invoices(organization: Organization) -> QuerySet[Invoice]:
    """Return issued invoices with their lines, payment and sync, newest first."""
    return (
        Invoice.objects.filter(organization=organization)
        .select_related("payment", "sync", "organization__billing")
        .prefetch_related(Prefetch("lines", InvoiceLine.objects.order_by("pk")))
        .order_by("-pk")
    )


def invoices_with_status(
    rows: QuerySet[Invoice], status: InvoiceStatus, *, on: date
) -> QuerySet[Invoice]:
    """Return the invoices with a status on a day, as `Invoice.status_on` says it."""
    void = Q(payment__status="void")
    paid = Q(payment__status="paid") | (Q(total=0) & ~void)
    overdue = Q(due_on__lt=on)
    conditions = {
        InvoiceStatus.VOID: void,
        InvoiceStatus.PAID: paid,
        InvoiceStatus.OVERDUE: ~void & ~paid & overdue,
        InvoiceStatus.OPEN: ~void & ~paid & ~overdue,
    }
    return rows.filter(conditions[status])


def search_invoices(rows: QuerySet[Invoice], text: str) -> QuerySet[Invoice]:
    """Return the invoices with this number, or whose id begins so or a model has the text in it."""
    if not text:
        return rows
    has_number = Q()
    if parsed := parse_number(text.lower().removeprefix("invoice")):
        prefix, number = parsed
        if not prefix:
            return rows.filter(number=number)
        has_number = Q(number=number, organization__billing__invoice_prefix=prefix)
    lines = InvoiceLine.objects.filter(invoice=OuterRef("pk"), model__icontains=text)
    return rows.filter(has_number | Q(public_id__istartswith=text) | Q(Exists(lines)))


def find_invoice(*, organization: Organization, invoice_id: str) -> Invoice:
    """Return one invoice of this organization. Raises NotFound, for another's too (R18)."""
    invoice = invoices(organization).filter(public_id=invoice_id).first()
    if invoice is None:
        raise NotFound(f"There is no invoice “{invoice_id}”.")
    return invoice


def find_any_invoice(text: str) -> Invoice:
    """Return an invoice of any organization by its id or its number like `NWL-0004`.

    For commands of the installation. Raises NotFound.
    """
    rows = Invoice.objects.select_related("organization__billing", "payment", "sync")
    parsed = parse_number(text)
    if parsed and parsed[0]:
        prefix, number = parsed
        rows = rows.filter(organization__billing__invoice_prefix=prefix, number=number)
    else:
        rows = rows.filter(public_id=text)
    invoice = rows.first()
    if invoice is None:
        raise NotFound(f"There is no invoice “{text}”: give an id (inv_…) or a number (NWL-0004).")
    return invoice


@dataclass(frozen=True, slots=True)
class StatementLine:
    """One line of a statement, with the `key` that identifies it in URLs."""

    source: LineItem | InvoiceLine
    currency: str

    @property
    def key(self) -> str:
        """Return a hash of what the line's charges have in common. Later lines do not change it."""
        line = self.source
        percent = line.discount_percent.normalize()
        common = f"{line.model} {line.kind} {line.type} {line.price_per_day} {percent}"
        return hashlib.sha256(common.encode()).hexdigest()[:12]

    @property
    def model(self) -> str:
        return self.source.model

    @property
    def kind(self) -> str:
        return self.source.kind

    @property
    def type(self) -> ChargeType:
        return ChargeType(self.source.type)

    @property
    def discount_percent(self) -> Decimal:
        return self.source.discount_percent

    @property
    def unit_days(self) -> int:
        return self.source.unit_days

    @property
    def price_per_day(self) -> Money:
        return Money(self.source.price_per_day, self.currency)

    @property
    def amount(self) -> Money:
        return Money(self.source.amount, self.currency)

    @property
    def discount(self) -> Money:
        return Money(self.source.discount, self.currency)

    @property
    def net(self) -> Money:
        return Money(self.source.amount - self.source.discount, self.currency)


@dataclass(frozen=True, slots=True)
class Statement:
    """An invoice as it is read. `issued_on` of the upcoming invoice is the day of its issue."""

    id: str | None
    number: int | None
    status: str
    period: Period
    issued_on: date
    due_on: date
    lines: Sequence[StatementLine]
    subtotal: Money
    discount: Money
    total: Money
    billed_to: Customer
    seller: Sequence[str]
    """The lines of who issues it: the name, then the address and the tax id."""
    display_number: str | None = None
    """The number as people read it, `NWL-0004`."""
    paid_on: date | None = None
    """The day of its payment; None unless it is paid, or if nothing was owed."""
    projected_total: Money | None = None
    """For the upcoming invoice: its total if nothing changes (R22)."""
    hosted_url: str | None = None
    """The URL of the provider's page on which the invoice can be paid."""
    sync_status: SyncStatus | None = None

    @property
    def key(self) -> str:
        """Return the last part of the URL."""
        return self.id or UPCOMING

    @property
    def is_upcoming(self) -> bool:
        return self.id is None

    @property
    def country(self) -> str:
        """Return the English name of the customer's country; empty if it is not known."""
        return COUNTRIES.get(self.billed_to.country, self.billed_to.country)

    @property
    def is_payable(self) -> bool:
        return bool(self.hosted_url) and self.is_owed

    @property
    def is_owed(self) -> bool:
        return not self.is_upcoming and self.status in ("open", "overdue")

    @property
    def is_on_its_way(self) -> bool:
        """Return whether the page on which it can be paid is still being made."""
        return self.sync_status == SyncStatus.PENDING and bool(settings.STRIPE_SECRET_KEY)

    def line(self, key: str) -> StatementLine:
        """Return the line with this key. Raises NotFound."""
        for line in self.lines:
            if line.key == key:
                return line
        raise NotFound("There is no such line on this invoice.")


def statement_of(invoice: Invoice, *, on: date) -> Statement:
    """Return an issued invoice with its status on a day.

    The invoice is one of `invoices`, which reads its lines, payment and sync.
    """
    return Statement(
        id=invoice.public_id,
        number=invoice.number,
        status=invoice.status_on(on),
        period=Period(invoice.period_start, invoice.period_end),
        issued_on=invoice.issued_on,
        due_on=invoice.due_on,
        lines=statement_lines(invoice.lines.all(), invoice.currency),
        subtotal=invoice.money(invoice.subtotal),
        discount=invoice.money(invoice.discount),
        total=invoice.money(invoice.total),
        # An invoice of an earlier version has neither.
        billed_to=Customer.read(invoice.billed_to or {"name": invoice.organization.name}),
        seller=invoice.seller or settings.SELLER,
        display_number=invoice.display_number,
        paid_on=_paid_on(invoice),
        hosted_url=invoice.hosted_url,
        sync_status=SyncStatus(invoice.sync.status),
    )


def _paid_on(invoice: Invoice) -> date | None:
    payment = invoice.payment
    is_paid = payment.status == PaymentStatus.PAID
    return payment.status_changed_at.date() if is_paid and payment.status_changed_at else None


def statement_lines(
    lines: Iterable[LineItem] | Iterable[InvoiceLine], currency: str
) -> Sequence[StatementLine]:
    """Return the lines of an invoice as lines of a statement."""
    return [StatementLine(line, currency) for line in lines]


def charges_on(
    organization: Organization, statement: Statement, line: StatementLine | None = None
) -> QuerySet[Charge]:
    """Return the charges that a statement, or one of its lines, sums up; oldest first."""
    period = statement.period
    rows = charges(organization, posted_from=period.start, posted_to=period.end)
    return (charges_of_line(rows, line.source) if line else rows).order_by("posted_on", "pk")
