"""The present period so far, and how it will end if nothing changes."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from django.conf import settings
from django.db.models import BigIntegerField, F, QuerySet, Sum
from django.db.models.functions import Greatest

from accounts.models import Organization
from billing.domain.invoices import Figures, Line, figures
from billing.domain.money import Money
from billing.domain.periods import Period
from billing.models import ChargeType
from billing.queries.invoices import charge_lines
from billing.queries.order_forms import (
    Discounts,
    Span,
    account_of,
    days_until_due,
    order_form_spans,
)
from capacity.domain.projection import Holding, renewals_between
from capacity.models import ListPrice, Lot
from capacity.queries.cancellations import scheduled_cancellations


@dataclass(frozen=True, slots=True)
class UpcomingInvoice:
    """The present period's charges so far, and its total if nothing changes (R8)."""

    period: Period
    due_on: date
    so_far: Figures
    projected: Figures

    def money(self, amount: int) -> Money:
        return Money(amount, settings.CURRENCY)


def upcoming_invoice(organization: Organization, *, on: date) -> UpcomingInvoice:
    """What the next invoice holds already, and what renewals will still add to it."""
    account = account_of(organization)
    period = account.period_containing(on)
    posted = charge_lines([organization.pk], period).get(organization.pk, [])
    to_come = list(renewals_to_come(organization, period=period, on=on))
    return UpcomingInvoice(
        period=period,
        due_on=period.end + timedelta(days=days_until_due([account], period.end)[organization.pk]),
        so_far=figures(posted),
        projected=figures([*posted, *to_come]),
    )


def renewals_to_come(organization: Organization, *, period: Period, on: date) -> Iterator[Line]:
    """Renewals that existing lots will still be charged in the period, known ends considered.

    Known ends are cancellations, the model's retirement, and for units past their commitment the
    end of the order form. Each day has the discounts of the form that rules it, as far as forms are
    signed by now. A cancellation is what will not be charged, so its lines are negative; `figures`
    adds them up.
    """
    spans = order_form_spans(organization, on)
    prices = _prices_by_unit()
    for row in _still_charged(organization):
        holding = Holding(
            units=row["held"],
            charged_until=row["charged"],
            agreed_price=row["of_agreed_price"],
            agreed_until=max(row["of_commitment"], row["of_first_term"]),
            ends_on=_known_end(row, spans),
        )
        known = prices[row["of_snapshot"], row["of_kind"]]
        for span in spans:
            end = min(span.end or period.end, period.end)
            percent = (span.discounts or Discounts()).on(row["of_model"])
            unit_days = renewals_between(span.start, end, holding=holding, prices=known)
            yield from (
                Line(row["of_model"], row["of_kind"], ChargeType.RENEWAL, price, percent, days)
                for price, days in unit_days.items()
            )


def _still_charged(organization: Organization) -> Iterator[dict[str, Any]]:
    """Active units alike, and as negative units what scheduled cancellations will end."""
    lots = Lot.objects.filter(organization=organization, active_units__gt=0)
    yield from _alike(lots, "", F("charged_until"), F("active_units"))
    scheduled = scheduled_cancellations(organization).order_by()
    ends_on = Greatest("ends_on", "lot__charged_until")
    yield from _alike(scheduled, "lot__", ends_on, -1 * F("units"))


def _alike(rows: QuerySet[Any], lot: str, charged: Any, units: Any) -> Iterator[dict[str, Any]]:
    yield from (
        rows.annotate(charged=charged)
        .values(
            "charged",
            of_snapshot=F(f"{lot}snapshot_id"),
            of_model=F(f"{lot}snapshot__model"),
            of_retires=F(f"{lot}snapshot__retires_on"),
            of_kind=F(f"{lot}kind"),
            of_agreed_price=F(f"{lot}price_per_day"),
            of_commitment=F(f"{lot}commitment_ends_on"),
            of_first_term=F(f"{lot}first_term_ends_on"),
            of_charged_until=F(f"{lot}charged_until"),
        )
        .annotate(held=Sum(units, output_field=BigIntegerField()))
    )


def _known_end(row: dict[str, Any], spans: Sequence[Span]) -> date | None:
    """R11: retirement, or the first renewal past the commitment without an order form in force."""
    renews_freely = max(row["of_commitment"], row["of_charged_until"])
    ends = [
        max(span.start, renews_freely)
        for span in spans
        if span.discounts is None and (span.end is None or span.end > renews_freely)
    ]
    if row["of_retires"]:
        ends.append(row["of_retires"])
    return min(ends, default=None)


def _prices_by_unit() -> dict[tuple[int, str], list[tuple[date, int]]]:
    prices: defaultdict[tuple[int, str], list[tuple[date, int]]] = defaultdict(list)
    for price in ListPrice.objects.select_related("token_unit").order_by("from_on"):
        unit = price.token_unit
        prices[unit.snapshot_id, unit.kind].append((price.from_on, price.amount))
    return prices
