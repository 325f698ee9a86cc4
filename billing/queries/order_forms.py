"""Order forms in force, and what they decide."""

from collections.abc import Iterable
from datetime import date, timedelta
from itertools import groupby

from django.db.models import DateField, F, Q, QuerySet, Value
from django.db.models.expressions import Combinable
from django.db.models.functions import Coalesce, Least

from accounts.models import Organization
from billing.domain.order_forms import Discounts, FormTerms
from billing.models import BillingAccount, OrderForm

DEFAULT_ANCHOR_DAY = 1
DEFAULT_DAYS_UNTIL_DUE = 30


def billing_account(organization: Organization) -> BillingAccount:
    """Return the organization's billing account, unsaved until its first order form (R2).

    It is read once for each object `organization`.
    """
    try:
        return organization.billing
    except BillingAccount.DoesNotExist:
        return BillingAccount(organization=organization, anchor_day=DEFAULT_ANCHOR_DAY)


def order_forms_in_force(on: date | Combinable) -> QuerySet[OrderForm]:
    """Return signed order forms in force on a day; of one organization's several the first counts.

    The form that starts latest comes first: a successor takes over from the day it starts. The day
    may be a column.
    """
    return OrderForm.objects.filter(
        Q(ends_on__isnull=True) | Q(ends_on__gt=on), signed_at__isnull=False, starts_on__lte=on
    ).order_by("organization_id", F("starts_on").desc(), F("id").desc())


def order_form_in_force(organization: Organization, on: date) -> OrderForm | None:
    """Return the form that decides the organization's purchases and discounts on a day, if any."""
    return order_forms_in_force(on).filter(organization=organization).first()


def days_until_due(accounts: Iterable[BillingAccount], on: date) -> dict[int, int]:
    """Return the days from issue to due date for invoices issued on a day, by organization.

    The form in force on that day decides; without one, the form that was in force last.
    """
    tomorrow = Value(on + timedelta(days=1), output_field=DateField())
    in_force_to = Least(Coalesce("ends_on", tomorrow), tomorrow)
    forms = (
        OrderForm.objects.filter(
            organization__in=[account.pk for account in accounts],
            signed_at__isnull=False,
            starts_on__lte=on,
        )
        .order_by("organization_id", in_force_to, "starts_on", "id")
        .values_list("organization_id", "days_until_due")
    )
    return {account.pk: DEFAULT_DAYS_UNTIL_DUE for account in accounts} | dict(forms)


def signed_forms(organization: Organization) -> list[FormTerms]:
    """Return the terms of every signed order form, for arithmetic over many days."""
    forms = OrderForm.objects.filter(organization=organization, signed_at__isnull=False)
    rows = forms.values_list(
        "id",
        "starts_on",
        "ends_on",
        "discount_percent",
        "model_discounts__model",
        "model_discounts__discount_percent",
    ).order_by("id")
    terms: list[FormTerms] = []
    for (key, starts_on, ends_on, general), discounts in groupby(rows, key=lambda row: row[:4]):
        by_model = {model: percent for *_, model, percent in discounts if model}
        terms.append(FormTerms(key, starts_on, ends_on, Discounts(general, by_model)))
    return terms
