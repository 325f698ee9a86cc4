"""Order forms in force, and the anchor day and days until due that follow from them."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import date
from itertools import groupby

from django.db.models import F, Q, QuerySet
from django.db.models.expressions import Combinable

from accounts.models import Organization
from billing.domain.order_forms import Discounts, FormTerms
from billing.models import BillingAccount, OrderForm

DEFAULT_ANCHOR_DAY = 1


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


def signed_forms(organization: Organization) -> list[FormTerms]:
    """Return the terms of all signed order forms of the organization, in one statement."""
    return signed_forms_of([organization.pk]).get(organization.pk, [])


def signed_forms_of(organizations: Iterable[int]) -> Mapping[int, list[FormTerms]]:
    """Return the terms of all signed order forms, by primary key of the organization."""
    forms = OrderForm.objects.filter(organization__in=organizations, signed_at__isnull=False)
    rows = forms.values_list(
        "organization_id",
        "id",
        "starts_on",
        "ends_on",
        "days_until_due",
        "discount_percent",
        "model_discounts__model",
        "model_discounts__discount_percent",
    ).order_by("id")
    terms: defaultdict[int, list[FormTerms]] = defaultdict(list)
    for form, discounts in groupby(rows, key=lambda row: row[:6]):
        organization, key, starts_on, ends_on, days, general = form
        by_model = {model: percent for *_, model, percent in discounts if model}
        terms[organization].append(
            FormTerms(key, starts_on, ends_on, Discounts(general, by_model), days)
        )
    return terms
