"""Order forms: what each is on a day, and the terms and dates that follow from those in force."""

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import groupby

from django.db.models import Exists, F, OuterRef, Prefetch, Q, QuerySet
from django.db.models.expressions import Combinable
from django.db.models.functions import Coalesce

from accounts.models import Organization
from billing.domain.order_forms import (
    DEFAULT_DAYS_UNTIL_DUE,
    Discounts,
    FormStatus,
    FormTerms,
    form_in_force,
    form_status,
)
from billing.models import BillingAccount, ModelDiscount, OrderForm
from common.conditions import any_of
from common.errors import NotFound

DEFAULT_ANCHOR_DAY = 1

SOON = timedelta(days=60)
"""A form that ends so soon is followed by a new one, not replaced by it."""

STANDARD_TERMS = """\
The customer buys token units on the Scale Tier page or through the API, at the list price of the \
day less the discounts above. Each purchase is committed for 30 service days and renews every day \
after that until it is cancelled. There are no refunds.

Invoices are issued at the end of each invoice period and are due as stated above. When this order \
form ends and no other follows, units past their commitment expire at their next renewal, the \
others when their commitment ends."""
"""What a new form proposes, where the organization has none to take its terms from."""

END = Coalesce("termination__ends_on", "ends_on")
"""In queries of forms: the first day a form is no longer in force, null if it has no end. A
termination is always earlier than the end that was signed."""


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
    return (
        OrderForm.objects.alias(real_end=END)
        .filter(
            Q(real_end__isnull=True) | Q(real_end__gt=on),
            signed_at__isnull=False,
            starts_on__lte=on,
        )
        .order_by("organization_id", F("starts_on").desc(), F("id").desc())
    )


def ends_without_successor(
    organizations: Sequence[int], ends: Sequence[date]
) -> QuerySet[OrderForm, tuple[int, date]]:
    """Return those of the days `ends` on which a form ends and no other is in force (R11).

    Rows are the primary key of the organization and the day. One statement for all of them.
    """
    successors = order_forms_in_force(OuterRef("real_end")).filter(
        organization=OuterRef("organization")
    )
    return (
        OrderForm.objects.filter(any_of("organization", organizations), signed_at__isnull=False)
        .alias(real_end=END)
        .filter(~Exists(successors.order_by()), real_end__in=ends, starts_on__lt=F("real_end"))
        .order_by("organization_id")
        .values_list("organization_id", END)
        .distinct()
    )


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
        END,
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


@dataclass(frozen=True, slots=True)
class FormState:
    """An order form, and what it is on a day."""

    form: OrderForm
    status: FormStatus

    @property
    def is_to_be_signed(self) -> bool:
        return self.status == FormStatus.AWAITING_SIGNATURE


def order_forms(organization: Organization) -> QuerySet[OrderForm]:
    """Return the order forms of the organization, signed or not, newest first."""
    discounts = ModelDiscount.objects.order_by("model")
    return (
        OrderForm.objects.filter(organization=organization)
        .select_related("termination", "signed_by")
        .prefetch_related(Prefetch("model_discounts", discounts))
        .order_by("-pk")
    )


def state_of(form: OrderForm, signed: Sequence[FormTerms], on: date) -> FormState:
    """Return what a form is on a day. `signed` are all signed forms of its organization."""
    in_force = form_in_force(signed, on)
    status = form_status(
        starts_on=form.starts_on,
        ends_on=form.end,
        is_signed=form.is_signed,
        is_in_force=in_force is not None and in_force.id == form.pk,
        on=on,
    )
    return FormState(form, status)


def form_states(organization: Organization, on: date) -> list[FormState]:
    """Return what each form of the organization is on a day, newest first."""
    signed = signed_forms(organization)
    return [state_of(form, signed, on) for form in order_forms(organization)]


def find_order_form(organization: Organization, form_id: str, on: date) -> FormState:
    """Return one form and what it is on a day. Raises NotFound, also for another's form (R18)."""
    form = order_forms(organization).filter(public_id=form_id).first()
    if form is None:
        raise NotFound(f"There is no order form “{form_id}”.")
    return state_of(form, signed_forms(organization), on)


def terms_digest(form: OrderForm) -> str:
    """Return a digest of all terms of a form: whoever signs it has read these very terms."""
    terms = [
        form.starts_on.isoformat(),
        form.ends_on.isoformat() if form.ends_on else None,
        form.anchor_day,
        f"{form.discount_percent:.2f}",
        sorted((each.model, f"{each.discount_percent:.2f}") for each in form.model_discounts.all()),
        form.days_until_due,
        form.terms,
    ]
    return hashlib.sha256(json.dumps(terms).encode()).hexdigest()


def proposed_form(organization: Organization, on: date) -> OrderForm:
    """Return a form for an operator to start from, not saved: for a year, on the present terms.

    It starts when the present form ends, if that is soon, or today.
    """
    present = order_forms(organization).filter(signed_at__isnull=False).first()
    end = present.end if present else None
    starts_on = end if end and on < end <= on + SOON else on
    leap_day = (starts_on.month, starts_on.day) == (2, 29)
    return OrderForm(
        organization=organization,
        starts_on=starts_on,
        ends_on=starts_on.replace(year=starts_on.year + 1, day=28 if leap_day else starts_on.day),
        anchor_day=billing_account(organization).anchor_day,
        discount_percent=present.discount_percent if present else 0,
        days_until_due=present.days_until_due if present else DEFAULT_DAYS_UNTIL_DUE,
        terms=present.terms if present else STANDARD_TERMS,
    )
