"""Order forms in force, and the anchor day and days until due that follow from them."""

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
    """Return the organization's billing account; without an order form an unsaved one (R2).

    The result is cached on the object `organization`.
    """
    try:
        return organization.billing
    except BillingAccount.DoesNotExist:
        return BillingAccount(organization=organization, anchor_day=DEFAULT_ANCHOR_DAY)


def order_forms_in_force(on: date | Combinable) -> QuerySet[OrderForm]:
    """Return the signed order forms in force on a day (R11). `on` may be a column.

    If an organization has several, the first one counts. It is the form with the latest start,
    because a later form takes over on the day on which it starts (R23).
    """
    return OrderForm.objects.filter(
        Q(ends_on__isnull=True) | Q(ends_on__gt=on), signed_at__isnull=False, starts_on__lte=on
    ).order_by("organization_id", F("starts_on").desc(), F("id").desc())


def days_until_due(accounts: Iterable[BillingAccount], on: date) -> dict[int, int]:
    """Return the days from issue to due date of an invoice issued on a day.

    The keys are primary keys of organizations. The number is that of the form in force on the day,
    or else of the form that was in force last.
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
    """Return the terms of all signed order forms of the organization, in one statement."""
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
