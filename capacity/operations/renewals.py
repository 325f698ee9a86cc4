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
from capacity.queries.limits import units_past_limit


def renew(
    *, lots: QuerySet[Lot], past_commitment: bool, hard_limited: Sequence[int], on: date
) -> int:
    """Charge the service day `on` for each lot that is not charged for it; return the number (R4).

    `past_commitment` says whether some of their units may be past their commitment. Those expire if
    their organization has no order form in force or is overdue (R11), or if they would take it past
    a hard limit (R10); `hard_limited` are the organizations, by primary key, that have one. Units
    in their commitment are charged before, so that they count.
    """
    due = lots.filter(charged_until__lte=on)
    if not past_commitment:
        return _charge(due, on)
    uncommitted = due.filter(commitment_ends_on__lte=on)
    _expire_without_form_or_overdue(uncommitted, on)
    charges = 0
    if hard_limited:
        charges = _charge(due.filter(commitment_ends_on__gt=on), on)
        sql, parameters = units_past_limit(uncommitted, organizations=hard_limited, on=on)
        expire_rows(sql, parameters, ExpiryReason.SPEND_LIMIT, on)
    return charges + _charge(due, on)


def _expire_without_form_or_overdue(uncommitted: QuerySet[Lot], on: date) -> None:
    same_organization = {"organization": OuterRef("organization")}
    without_form = ~Exists(order_forms_in_force(on).filter(**same_organization).order_by())
    overdue = Exists(long_overdue_payments(on).filter(**same_organization))
    for condition, reason in (
        (without_form, ExpiryReason.ORDER_FORM_ENDED),
        (overdue, ExpiryReason.PAYMENT_OVERDUE),
    ):
        expire_whole_lots(uncommitted.filter(condition), reason, on)


def _charge(due: QuerySet[Lot], on: date) -> int:
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
    """Return the columns of `billing.operations.charges.COLUMNS`, in the same order."""
    return lots.order_by("pk").values(
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
