"""The renewals to come of existing lots (R4, R6, R11)."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any

from django.db.models import F, QuerySet, Sum

from accounts.models import Organization
from billing.domain.order_forms import OrderFormSpan
from billing.seller import ComingRenewal
from capacity.domain.renewals import DatedPrices, PriceAgreement, known_end, price_spans
from capacity.models import ListPrice
from capacity.queries.cancellations import scheduled_cancellations
from capacity.queries.lots import active_lots, with_renewing_units


def renewals_to_come(
    *, organization: Organization, on: date, until: date, order_forms: Sequence[OrderFormSpan]
) -> Iterator[ComingRenewal]:
    """Yield the renewals that are still to be charged on the service days `[on, until)`.

    They take known ends into account: cancellations, retirements, and for units past their
    commitment the first day on which none of the `order_forms` is in force.
    """
    rows = [*_renewing_units(organization), *_cancelled_units(organization)]
    list_prices = _list_prices({row["of_snapshot"] for row in rows})
    for row in rows:
        for start, end, price in _priced_days(row, on, until, order_forms, list_prices):
            yield ComingRenewal(
                model=row["of_model"],
                kind=row["of_kind"],
                project=row["of_project"],
                start=start,
                end=end,
                units=row["total_units"],
                price_per_day=price,
            )


def _priced_days(
    row: Mapping[str, Any],
    on: date,
    until: date,
    order_forms: Sequence[OrderFormSpan],
    list_prices: Mapping[tuple[int, str], DatedPrices],
) -> Iterator[tuple[date, date, int]]:
    """Yield the days on which the units of a row will be charged, in spans of one price each."""
    end = known_end(
        cancelled_to=row["cancelled_to"],
        retires_on=row["of_retires_on"],
        commitment_ends_on=row["of_commitment_ends_on"],
        charged_until=row["of_charged_until"],
        order_forms=order_forms,
    )
    agreement = PriceAgreement.of_lot(
        price=row["of_price_per_day"],
        commitment_ends_on=row["of_commitment_ends_on"],
        first_term_ends_on=row["of_first_term_ends_on"],
    )
    return price_spans(
        max(on, row["of_charged_until"]),
        min(until, end or until),
        agreement=agreement,
        list_prices=list_prices.get((row["of_snapshot"], row["of_kind"]), []),
    )


def _renewing_units(organization: Organization) -> Iterator[dict[str, Any]]:
    """Yield active units that no cancellation ends, grouped by their terms."""
    rows = with_renewing_units(active_lots(organization)).filter(renewing_units__gt=0)
    for row in _by_terms(rows, lot="", units="renewing_units"):
        yield {**row, "cancelled_to": None}


def _cancelled_units(organization: Organization) -> Iterator[dict[str, Any]]:
    """Yield units that scheduled cancellations end, grouped by their terms."""
    rows = scheduled_cancellations(organization).order_by()
    yield from _by_terms(rows, lot="lot__", units="units", cancelled_to=F("ends_on"))


def _by_terms(
    rows: QuerySet[Any, Any], *, lot: str, units: str, **columns: F
) -> QuerySet[Any, Any]:
    """Sum the column `units` of rows with the same terms: all values that decide their charges.

    `lot` is the prefix of a lookup from a row to its lot.
    """
    terms = {
        "of_snapshot": F(f"{lot}snapshot_id"),
        "of_model": F(f"{lot}snapshot__model"),
        "of_retires_on": F(f"{lot}snapshot__retires_on"),
        "of_kind": F(f"{lot}kind"),
        "of_project": F(f"{lot}project_id"),
        "of_price_per_day": F(f"{lot}price_per_day"),
        "of_commitment_ends_on": F(f"{lot}commitment_ends_on"),
        "of_first_term_ends_on": F(f"{lot}first_term_ends_on"),
        "of_charged_until": F(f"{lot}charged_until"),
    }
    by_terms: QuerySet[Any, Any] = rows.values(**terms, **columns).annotate(total_units=Sum(units))
    return by_terms


def _list_prices(snapshots: set[int]) -> Mapping[tuple[int, str], DatedPrices]:
    prices: defaultdict[tuple[int, str], list[tuple[date, int]]] = defaultdict(list)
    rows = ListPrice.objects.filter(token_unit__snapshot__in=snapshots).order_by("from_on")
    for snapshot, kind, from_on, amount in rows.values_list(
        "token_unit__snapshot_id", "token_unit__kind", "from_on", "amount"
    ):
        prices[snapshot, kind].append((from_on, amount))
    return prices
