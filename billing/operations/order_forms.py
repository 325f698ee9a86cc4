"""Making and signing order forms. Due days are opened before, under the earlier forms (R7)."""

from datetime import date, datetime
from decimal import Decimal

from accounts.models import Organization
from accounts.operations.audit import Actor
from accounts.operations.changes import organization_change
from billing.models import BillingAccount, OrderForm
from billing.operations.billing_accounts import assign_invoice_prefix
from billing.operations.limits import raise_alerts


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
    """Make an order form, not yet signed. The organization's first fixes its anchor day (R2).

    Raises Django's ValidationError for invalid terms.
    """
    with organization_change(organization=organization, by=by, now=now) as change:
        form = OrderForm(
            organization=change.organization,
            created_at=change.now,
            starts_on=starts_on,
            ends_on=ends_on,
            anchor_day=anchor_day,
            discount_percent=discount_percent,
        )
        form.full_clean()
        form.save()
        fix_anchor_day(form)
        change.record(
            "order_form.created",
            form.public_id,
            after={
                "starts_on": starts_on.isoformat(),
                "ends_on": ends_on.isoformat() if ends_on else None,
                "discount_percent": str(discount_percent),
            },
        )
    return form


def fix_anchor_day(form: OrderForm) -> BillingAccount:
    """Return the billing account; the first order form creates it and sets its anchor day (R2)."""
    account, is_new = BillingAccount.objects.get_or_create(
        organization=form.organization, defaults={"anchor_day": form.anchor_day}
    )
    if is_new:
        assign_invoice_prefix(account)
    return account


def sign_order_form(*, form: OrderForm, signed_name: str, by: Actor, now: datetime) -> OrderForm:
    """Sign an order form with a typed name. Units can be bought from `starts_on` on (R11)."""
    with organization_change(organization=form.organization, by=by, now=now) as change:
        form = OrderForm.objects.select_for_update().get(pk=form.pk)
        form.signed_at = change.now
        form.signed_name = signed_name
        form.signed_by = by.user
        form.save(update_fields=["signed_at", "signed_name", "signed_by"])
        change.record("order_form.signed", form.public_id, after={"signed_name": signed_name})
        raise_alerts(organization=change.organization, on=change.today, at=change.now)
    return form
