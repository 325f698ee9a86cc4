"""What billing knows, for pages, API and the rest of the product."""

from datetime import date

from django.db.models import F, Q, QuerySet

from accounts.models import Organization
from billing.models import Account, OrderForm

DEFAULT_ANCHOR_DAY = 1


def account_of(organization: Organization) -> Account:
    """The organization's billing account; an unsaved one until its first order form is made (R2)."""
    return Account.objects.filter(organization=organization).first() or Account(
        organization=organization, anchor_day=DEFAULT_ANCHOR_DAY
    )


def order_forms_in_force(on: date) -> QuerySet[OrderForm]:
    """Signed order forms in force on a service day; of one organization's several the first rules.

    A later start wins, so a successor takes over from the day it starts.
    """
    return OrderForm.objects.filter(
        Q(ends_on__isnull=True) | Q(ends_on__gt=on), signed_at__isnull=False, starts_on__lte=on
    ).order_by("organization_id", F("starts_on").desc(), F("id").desc())


def order_form_in_force(organization: Organization, on: date) -> OrderForm | None:
    """The order form that rules the organization's purchases and discounts on a day, if any."""
    return order_forms_in_force(on).filter(organization=organization).first()
