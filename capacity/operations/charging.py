"""What lots owe for: the first term at purchase (R3), then a day at a time (R4, R6)."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from django.db.models import CharField, DateField, F, QuerySet, Value

from billing.models import ChargeType
from capacity.models import Lot, Purchase
from capacity.queries.catalogue import lot_price


def first_terms(purchase: Purchase) -> "QuerySet[Lot, Mapping[str, Any]]":
    """One charge a lot of the purchase: its whole first term, posted on the day of purchase."""
    return _due(
        Lot.objects.filter(purchase=purchase),
        type_=ChargeType.FIRST_TERM,
        posted_on=F("starts_on"),
        service_to=F("first_term_ends_on"),
        price=F("price_per_day"),
    )


def renewals(lots: QuerySet[Lot], *, on: date) -> "QuerySet[Lot, Mapping[str, Any]]":
    """One charge a lot: the service day `on`, at the agreed price within the commitment, later at
    the list price in force on that day (R6)."""
    return _due(
        lots,
        type_=ChargeType.RENEWAL,
        posted_on=_date(on),
        service_to=_date(on + timedelta(days=1)),
        price=lot_price(on),
    )


def _due(
    lots: QuerySet[Lot],
    *,
    type_: ChargeType,
    posted_on: Any,
    service_to: Any,
    price: Any,
) -> "QuerySet[Lot, Mapping[str, Any]]":
    """The columns that `billing.operations.charges.post_charges` takes, in its order."""
    return lots.order_by("pk").values(
        "organization_id",
        "project_id",
        "public_id",
        "snapshot__model",
        "kind",
        due_type=Value(type_.value, output_field=CharField()),
        due_posted_on=posted_on,
        due_from=posted_on,
        due_to=service_to,
        due_units=F("active_units"),
        due_price=price,
        due_currency=F("currency"),
    )


def _date(day: date) -> Value:
    return Value(day, output_field=DateField())
