"""The standing of an organization: what decides whether it may buy (R10, R11)."""

from dataclasses import dataclass
from datetime import date

from django.db.models import Exists, F, OuterRef, Subquery

from accounts.models import Organization
from billing.domain.invoice_numbers import display_number
from billing.models import SpendLimit
from billing.queries.order_forms import order_forms_in_force
from billing.queries.payments import long_overdue_payments


@dataclass(frozen=True, slots=True)
class OverdueInvoice:
    """The oldest invoice that is unpaid 14 days past its due date."""

    display_number: str
    due_on: date


@dataclass(frozen=True, slots=True)
class Standing:
    """What decides whether an organization may buy on a day."""

    has_order_form: bool
    overdue: OverdueInvoice | None
    has_limits: bool
    """Whether the organization or one of its projects has a spend limit, hard or soft."""


def standing(organization: Organization, on: date) -> Standing:
    """Return the standing of the organization on a service day, in one statement."""
    of_organization = {"organization": OuterRef("pk")}
    oldest = long_overdue_payments(on).filter(**of_organization).order_by("invoice__due_on")
    row = (
        Organization.objects.filter(pk=organization.pk)
        .values(
            has_order_form=Exists(order_forms_in_force(on).filter(**of_organization).order_by()),
            overdue_number=Subquery(oldest.values("invoice__number")[:1]),
            overdue_prefix=F("billing__invoice_prefix"),
            overdue_since=Subquery(oldest.values("invoice__due_on")[:1]),
            has_limits=Exists(SpendLimit.objects.filter(amount__isnull=False, **of_organization)),
        )
        .get()
    )
    overdue = None
    if row["overdue_number"] is not None:
        number = display_number(row["overdue_prefix"], row["overdue_number"])
        overdue = OverdueInvoice(number, row["overdue_since"])
    return Standing(
        has_order_form=row["has_order_form"],
        overdue=overdue,
        has_limits=row["has_limits"],
    )
