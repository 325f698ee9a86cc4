"""Order forms: making and signing them."""

from datetime import date, datetime
from decimal import Decimal

from django.db import transaction

from accounts.models import Organization
from accounts.operations.audit import Actor, record
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
        record(
            organization=organization,
            by=by,
            action="order_form.created",
            subject=form.public_id,
            at=now,
            after={
                "starts_on": starts_on.isoformat(),
                "ends_on": ends_on.isoformat() if ends_on else None,
                "discount_percent": str(discount_percent),
            },
        )
    return form


def fix_anchor_day(form: OrderForm) -> Account:
    """Give the organization its billing account, with the anchor day of its first order form."""
    account, _ = Account.objects.get_or_create(
        organization=form.organization, defaults={"anchor_day": form.anchor_day}
    )
    return account


def sign_order_form(*, form: OrderForm, signed_name: str, by: Actor, now: datetime) -> OrderForm:
    """Sign by typing one's name. Capacity can be bought from `starts_on` on (R11)."""
    with transaction.atomic():
        form = OrderForm.objects.select_for_update().get(pk=form.pk)
        form.signed_at = now
        form.signed_name = signed_name
        form.signed_by = by.user
        form.save(update_fields=["signed_at", "signed_name", "signed_by"])
        record(
            organization=form.organization,
            by=by,
            action="order_form.signed",
            subject=form.public_id,
            at=now,
            after={"signed_name": signed_name},
        )
    return form
