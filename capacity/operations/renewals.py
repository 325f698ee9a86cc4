"""Charges of lots: the first term at the purchase (R3), then each day of renewal (R4)."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from django.db.models import CharField, DateField, Exists, F, OuterRef, QuerySet, Value

from billing.models import ChargeType
from billing.operations.charges import post_charges
from billing.queries.order_forms import order_forms_in_force
from billing.queries.payments import long_overdue_payments
from capacity.models import ExpiryReason, Lot, Purchase
from capacity.operations.expiries import expire_rows, expire_whole_lots
from capacity.queries.catalogue import lot_price
from capacity.queries.days import uncharged_lots_of
from capacity.queries.limits import units_past_limit
from common.conditions import any_of


def expire_without_form_or_overdue(organizations: Sequence[int], on: date) -> None:
    """Expire units past their commitment where no form is in force or a payment is overdue (R11).

    The organizations are given by primary key.
    """
    of_these = any_of("organization", organizations)
    with_form = order_forms_in_force(on).filter(of_these).order_by()
    overdue = long_overdue_payments(on).filter(of_these)
    uncommitted = uncharged_lots_of(organizations, on).filter(commitment_ends_on__lte=on)
    same_organization = {"organization": OuterRef("organization")}
    for condition, reason in (
        (~Exists(with_form.filter(**same_organization)), ExpiryReason.ORDER_FORM_ENDED),
        (Exists(overdue.filter(**same_organization)), ExpiryReason.PAYMENT_OVERDUE),
    ):
        expire_whole_lots(uncommitted.filter(condition), reason, on)


def renew(*, organizations: Sequence[int], near_limit: Sequence[int], on: date) -> int:
    """Charge the service day `on` for each lot that is not charged for it; return the number (R4).

    The organizations are given by primary key. In those that are `near_limit` the renewals may take
    the posted total past a hard limit: then units past their commitment expire (R10).
    """
    if near_limit:
        sql, parameters = units_past_limit(near_limit, on)
        expire_rows(sql, parameters, ExpiryReason.SPEND_LIMIT, on)
    due = uncharged_lots_of(organizations, on)
    charges = post_charges(renewal_charges(due, on=on))
    due.update(charged_until=on + timedelta(days=1))
    return charges


def first_term_charges(purchase: Purchase) -> "QuerySet[Lot, Mapping[str, Any]]":
    """Return the charges of a purchase: one for the first term of each lot (R3).

    They are posted on the day of the purchase.
    """
    return _charges(
        Lot.objects.filter(purchase=purchase),
        charge_type=ChargeType.FIRST_TERM,
        posted_on=F("starts_on"),
        service_to=F("first_term_ends_on"),
        price=F("price_per_day"),
    )


def renewal_charges(lots: QuerySet[Lot], *, on: date) -> "QuerySet[Lot, Mapping[str, Any]]":
    """Return one charge for each lot: the service day `on` at the price of that day (R4, R6)."""
    return _charges(
        lots,
        charge_type=ChargeType.RENEWAL,
        posted_on=_date(on),
        service_to=_date(on + timedelta(days=1)),
        price=lot_price(on),
    )


def _charges(
    lots: QuerySet[Lot],
    *,
    charge_type: ChargeType,
    posted_on: Any,
    service_to: Any,
    price: Any,
) -> "QuerySet[Lot, Mapping[str, Any]]":
    """Return the place of each charge and `billing.operations.charges.COLUMNS`, in this order."""
    return lots.order_by().values(
        "pk",
        "organization_id",
        "project_id",
        "public_id",
        "snapshot__model",
        "kind",
        due_type=Value(charge_type.value, output_field=CharField()),
        due_posted_on=posted_on,
        due_from=posted_on,
        due_to=service_to,
        due_units=F("active_units"),
        due_price=price,
        due_currency=F("currency"),
    )


def _date(day: date) -> Value:
    return Value(day, output_field=DateField())
