"""Posted charges, and charges grouped as invoice lines."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import date

from django.db.models import F, QuerySet, Sum

from accounts.models import Organization
from billing.domain.invoices import LineItem
from billing.domain.periods import Period
from billing.models import Charge, InvoiceLine
from billing.models.charges import Days


def charges(
    organization: Organization,
    *,
    lot: str | None = None,
    posted_from: date | None = None,
    posted_to: date | None = None,
) -> QuerySet[Charge]:
    """Return the charges posted on the days `[posted_from, posted_to)`, newest first."""
    rows = Charge.objects.filter(organization=organization)
    if lot is not None:
        rows = rows.filter(lot=lot)
    if posted_from is not None:
        rows = rows.filter(posted_on__gte=posted_from)
    if posted_to is not None:
        rows = rows.filter(posted_on__lt=posted_to)
    return rows.order_by("-pk")


def charges_of_line(rows: QuerySet[Charge], line: LineItem | InvoiceLine) -> QuerySet[Charge]:
    """Return the charges in `rows` that the line sums up (R8)."""
    return rows.filter(
        model=line.model,
        kind=line.kind,
        type=line.type,
        price_per_day=line.price_per_day,
        discount_percent=line.discount_percent,
    )


def charge_lines(organizations: Iterable[int], period: Period) -> dict[int, list[LineItem]]:
    """Return the charges posted in a period, grouped as invoice lines (R8), by organization."""
    rows = (
        Charge.objects.filter(
            organization__in=organizations,
            posted_on__gte=period.start,
            posted_on__lt=period.end,
        )
        .values("organization_id", "model", "kind", "type", "price_per_day", "discount_percent")
        .annotate(unit_days=Sum(F("units") * Days("service_from", "service_to")))
    )
    lines: defaultdict[int, list[LineItem]] = defaultdict(list)
    for row in rows:
        lines[row["organization_id"]].append(
            LineItem(
                model=row["model"],
                kind=row["kind"],
                type=row["type"],
                price_per_day=row["price_per_day"],
                discount_percent=row["discount_percent"],
                unit_days=int(row["unit_days"]),
            )
        )
    return dict(lines)
