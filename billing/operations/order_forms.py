"""Order forms: making and signing them. Neither reaches back: what is due is opened first (R7)."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.db import transaction

from accounts.models import Organization
from accounts.operations.audit import Actor, record
from accounts.operations.days import bring_up_to_date
from billing.models import Account, OrderForm


def create_order_form(
    *,
    organization: Organization,
    starts_on: date,
    by: Actor,
    now: datetime,
    ends_on: date | None = None,
    anchor_day: int = 1,
    discount_percent: Decimal = Decimal(0),
) -> OrderForm:
    """An order form, not yet signed. The organization's first fixes its anchor day (R2)."""
    bring_up_to_date(organization=organization, now=now)
    with transaction.atomic():
        form = OrderForm(
            organization=organization,
            created_at=now,
            starts_on=starts_on,
            ends_on=ends_on,
            anchor_day=anchor_day,
            discount_percent=discount_percent,
        )
        form.full_clean()
        form.save()
        fix_anchor_day(form)
        _record(form, "order_form.created", _terms(form), by=by, now=now)
    return form


def _terms(form: OrderForm) -> dict[str, Any]:
    return {
        "starts_on": form.starts_on.isoformat(),
        "ends_on": form.ends_on.isoformat() if form.ends_on else None,
        "discount_percent": str(form.discount_percent),
    }


def fix_anchor_day(form: OrderForm) -> Account:
    """Give the organization its billing account, with the anchor day of its first order form."""
    account, _ = Account.objects.get_or_create(
        organization=form.organization, defaults={"anchor_day": form.anchor_day}
    )
    return account


def sign_order_form(*, form: OrderForm, signed_name: str, by: Actor, now: datetime) -> OrderForm:
    """Sign by typing one's name. Capacity can be bought from `starts_on` on (R11)."""
    bring_up_to_date(organization=form.organization, now=now)
    with transaction.atomic():
        form = OrderForm.objects.select_for_update().get(pk=form.pk)
        form.signed_at = now
        form.signed_name = signed_name
        form.signed_by = by.user
        form.save(update_fields=["signed_at", "signed_name", "signed_by"])
        _record(form, "order_form.signed", {"signed_name": signed_name}, by=by, now=now)
    return form


def _record(
    form: OrderForm, action: str, after: dict[str, Any], *, by: Actor, now: datetime
) -> None:
    record(
        organization=form.organization,
        by=by,
        action=action,
        subject=form.public_id,
        at=now,
        after=after,
    )
