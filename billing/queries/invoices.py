"""Invoices and what they are made of."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import date

from django.db.models import F, Prefetch, QuerySet, Sum

from accounts.errors import NotFound
from accounts.models import Organization
from billing.domain.invoices import Line
from billing.domain.periods import Period
from billing.models import (
    OVERDUE_AFTER,
    Charge,
    Invoice,
    InvoiceLine,
    Settlement,
    SettlementStatus,
)
from billing.models.charge import Days


def charge_lines(organizations: Iterable[int], period: Period) -> dict[int, list[Line]]:
    """The charges posted in a period, grouped as invoice lines (R8), by organization."""
    rows = (
        Charge.objects.filter(
            organization__in=organizations,
            posted_on__gte=period.start,
            posted_on__lt=period.end,
        )
        .values("organization_id", "model", "kind", "type", "price_per_day", "discount_percent")
        .annotate(unit_days=Sum(F("units") * Days("service_from", "service_to")))
    )
    lines: defaultdict[int, list[Line]] = defaultdict(list)
    for row in rows:
        lines[row["organization_id"]].append(
            Line(
                model=row["model"],
                kind=row["kind"],
                type=row["type"],
                price_per_day=row["price_per_day"],
                discount_percent=row["discount_percent"],
                unit_days=int(row["unit_days"]),
            )
        )
    return dict(lines)


def invoices(organization: Organization) -> QuerySet[Invoice]:
    """Issued invoices with their lines and standing, newest first."""
    return (
        Invoice.objects.filter(organization=organization)
        .select_related("settlement", "dispatch")
        .prefetch_related(Prefetch("lines", InvoiceLine.objects.order_by("pk")))
        .order_by("-pk")
    )


def find_invoice(*, organization: Organization, invoice_id: str) -> Invoice:
    """One invoice of this organization. Raises NotFound, for another's too (R18)."""
    invoice = invoices(organization).filter(public_id=invoice_id).first()
    if invoice is None:
        raise NotFound(f"There is no invoice “{invoice_id}”.")
    return invoice


def alike(charges: QuerySet[Charge], line: Line | InvoiceLine) -> QuerySet[Charge]:
    """Those of the charges that belong to a line (R8)."""
    return charges.filter(
        model=line.model,
        kind=line.kind,
        type=line.type,
        price_per_day=line.price_per_day,
        discount_percent=line.discount_percent,
    )


def owed_too_long(on: date) -> QuerySet[Settlement]:
    """Invoices unpaid 14 days past due on a service day: their organizations are overdue (R11)."""
    return Settlement.objects.filter(
        status__in=[SettlementStatus.OPEN, SettlementStatus.UNCOLLECTIBLE],
        invoice__due_on__lte=on - OVERDUE_AFTER,
        invoice__total__gt=0,
    )
