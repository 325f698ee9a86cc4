"""Order forms in force, and what they settle."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from itertools import zip_longest

from django.db.models import DateField, F, Q, QuerySet, Value
from django.db.models.expressions import Combinable
from django.db.models.functions import Coalesce, Least

from accounts.models import Organization
from billing.models import Account, OrderForm

DEFAULT_ANCHOR_DAY = 1
DEFAULT_DAYS_UNTIL_DUE = 30


def account_of(organization: Organization) -> Account:
    """The organization's billing account; an unsaved one until its first order form (R2)."""
    return Account.objects.filter(organization=organization).first() or Account(
        organization=organization, anchor_day=DEFAULT_ANCHOR_DAY
    )


def order_forms_in_force(on: date | Combinable) -> QuerySet[OrderForm]:
    """Signed order forms in force on a service day; of one organization's several the first rules.

    A later start wins, so a successor takes over from the day it starts. The day may be a column.
    """
    return OrderForm.objects.filter(
        Q(ends_on__isnull=True) | Q(ends_on__gt=on), signed_at__isnull=False, starts_on__lte=on
    ).order_by("organization_id", F("starts_on").desc(), F("id").desc())


def order_form_in_force(organization: Organization, on: date) -> OrderForm | None:
    """The order form that rules the organization's purchases and discounts on a day, if any."""
    return order_forms_in_force(on).filter(organization=organization).first()


def days_until_due(accounts: Iterable[Account], on: date) -> dict[int, int]:
    """Days from issue to due date for invoices issued on a day, by organization.

    As the form in force says; without one, as the form said that ruled last.
    """
    tomorrow = Value(on + timedelta(days=1), output_field=DateField())
    ruled_to = Least(Coalesce("ends_on", tomorrow), tomorrow)
    forms = (
        OrderForm.objects.filter(
            organization__in=[account.pk for account in accounts],
            signed_at__isnull=False,
            starts_on__lte=on,
        )
        .order_by("organization_id", ruled_to, "starts_on", "id")
        .values_list("organization_id", "days_until_due")
    )
    return {account.pk: DEFAULT_DAYS_UNTIL_DUE for account in accounts} | dict(forms)


@dataclass(frozen=True, slots=True)
class Discounts:
    """The discount percentages of an order form (R8)."""

    general: Decimal = Decimal(0)
    by_model: Mapping[str, Decimal] = field(default_factory=dict)

    def on(self, model: str) -> Decimal:
        return self.by_model.get(model, self.general)


def discounts_on(organization: Organization, on: date) -> Discounts | None:
    """The discounts in force on a day; None without an order form."""
    form = order_form_in_force(organization, on)
    if form is None:
        return None
    own = form.model_discounts.values_list("model", "discount_percent")
    return Discounts(form.discount_percent, dict(own))


@dataclass(frozen=True, slots=True)
class Span:
    """Days `[start, end)` under one order form, or under none; without an `end`, all to come."""

    start: date
    end: date | None
    discounts: Discounts | None
    """None: no order form is in force."""


def order_form_spans(organization: Organization, on: date) -> list[Span]:
    """The days from `on` on, in order, by the order form that rules them, as far as signed.

    Hardly ever more than two spans; reading each by itself keeps the rule in one place.
    """
    forms = OrderForm.objects.filter(organization=organization, signed_at__isnull=False)
    changes = {day for form in forms for day in (form.starts_on, form.ends_on) if day}
    starts = [on, *sorted(day for day in changes if day > on)]
    return [
        Span(start, end, discounts_on(organization, start))
        for start, end in zip_longest(starts, starts[1:])
    ]
