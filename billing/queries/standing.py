"""The standing of an organization: all that decides whether it may buy, and what is to come.

One statement reads it (R2, R8, R10, R11), so that a page can foresee and refuse within its budget.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import JSONField, OuterRef, Subquery, TextField
from django.db.models.expressions import RawSQL
from django.db.models.functions import Cast, JSONObject

from accounts.models import Organization, Project
from billing.domain.invoice_numbers import display_number
from billing.domain.limits import HardLimits
from billing.domain.order_forms import (
    Discounts,
    FormTerms,
    OrderFormSpan,
    form_in_force,
    order_form_spans,
)
from billing.domain.periods import Period, period_containing
from billing.models import ModelDiscount, OrderForm, SpendLimit
from billing.queries.order_forms import DEFAULT_ANCHOR_DAY, END, billing_account
from billing.queries.payments import long_overdue_payments
from billing.queries.spend import period_starts

SIGNED_FORMS = ArraySubquery(
    OrderForm.objects.filter(organization=OuterRef("pk"), signed_at__isnull=False)
    .order_by("id")
    .values(
        document=JSONObject(
            id="id",
            starts_on="starts_on",
            ends_on=END,
            days_until_due="days_until_due",
            general=Cast("discount_percent", TextField()),
            by_model=ArraySubquery(
                ModelDiscount.objects.filter(order_form=OuterRef("pk")).values_list(
                    JSONObject(model="model", percent=Cast("discount_percent", TextField()))
                )
            ),
        )
    )
)

LIMITS = """(
    SELECT coalesce(jsonb_agg(jsonb_build_object(
        'amount', spend_limit.amount, 'is_hard', spend_limit.is_hard, 'alerts', spend_limit.alerts,
        'project', project.id, 'public_id', project.public_id, 'name', project.name,
        'is_default', project.is_default
    ) ORDER BY project.id NULLS FIRST), '[]')
    FROM billing_spendlimit spend_limit
    LEFT JOIN accounts_project project ON project.id = spend_limit.project_id
    WHERE spend_limit.organization_id = accounts_organization.id
)"""

# By project. The parameters are the `period_starts` and the default anchor day.
POSTED = """(
    SELECT coalesce(jsonb_object_agg(project_id, amount), '{}') FROM (
        SELECT project_id, sum(amount) AS amount FROM billing_dailyspend spend
        WHERE spend.organization_id = accounts_organization.id AND spend.posted_on >= (%s::date[])[
            coalesce((SELECT anchor_day FROM billing_billingaccount account
                      WHERE account.organization_id = accounts_organization.id), %s)
        ]
        GROUP BY project_id
    ) posted
)"""


@dataclass(frozen=True, slots=True)
class OverdueInvoice:
    """The oldest invoice that is unpaid 14 days past its due date."""

    display_number: str
    due_on: date


@dataclass(frozen=True, slots=True)
class Standing:
    """What decides about purchases and renewals of an organization on a service day.

    `posted` is what the present period has charged already, in minor units, by primary key of the
    project.
    """

    on: date
    anchor_day: int
    forms: Sequence[FormTerms]
    """The signed order forms, oldest first."""
    overdue: OverdueInvoice | None
    limits: Sequence[SpendLimit]
    """The stored limits, with and without an amount; each has its project."""
    posted: Mapping[int, int]

    @property
    def has_order_form(self) -> bool:
        return form_in_force(self.forms, self.on) is not None

    @property
    def has_limits(self) -> bool:
        """Return whether the organization or one of its projects has a spend limit."""
        return any(limit.amount is not None for limit in self.limits)

    @property
    def form_spans(self) -> list[OrderFormSpan]:
        """Return the days from today on, each with its order form or with none."""
        return order_form_spans(self.forms, self.on)

    @property
    def period(self) -> Period:
        """Return the present invoice period (R2)."""
        return self.period_containing(self.on)

    def period_containing(self, day: date) -> Period:
        return period_containing(day, anchor_day=self.anchor_day)

    def periods(self, number: int) -> list[Period]:
        """Return the present period and those after it, `number` in all."""
        tiles = [self.period]
        while len(tiles) < number:
            tiles.append(self.period_containing(tiles[-1].end))
        return tiles

    def periods_until(self, end: date) -> list[Period]:
        """Return the present period and those after it that start before `end`."""
        tiles = [self.period]
        while tiles[-1].end < end:
            tiles.append(self.period_containing(tiles[-1].end))
        return tiles

    def hard_limits(self, periods: Sequence[Period]) -> HardLimits | None:
        """Return the hard limits in the periods, the first of them present; None without any."""
        amounts = {
            limit.project_id: limit.amount
            for limit in self.limits
            if limit.is_hard and limit.amount is not None
        }
        if not amounts:
            return None
        return HardLimits(
            organization=amounts.get(None),
            projects={key: amount for key, amount in amounts.items() if key is not None},
            posted=self.posted,
            periods=periods,
        )


def standing(organization: Organization, on: date) -> Standing:
    """Return the standing of the organization on a service day, in one statement.

    Its billing account is cached on the object `organization`, as `billing_account` does it.
    """
    oldest = (
        long_overdue_payments(on).filter(organization=OuterRef("pk")).order_by("invoice__due_on")
    )
    row = (
        Organization.objects.select_related("billing")
        .annotate(
            forms=SIGNED_FORMS,
            limits=_json(LIMITS),
            posted=_json(POSTED, period_starts(on), DEFAULT_ANCHOR_DAY),
            overdue_number=Subquery(oldest.values("invoice__number")[:1]),
            overdue_since=Subquery(oldest.values("invoice__due_on")[:1]),
        )
        .get(pk=organization.pk)
    )
    account = billing_account(row)
    if hasattr(row, "billing"):
        organization.billing = account
    overdue = None
    if row.overdue_number is not None:
        number = display_number(account.invoice_prefix, row.overdue_number)
        overdue = OverdueInvoice(number, row.overdue_since)
    return Standing(
        on=on,
        anchor_day=account.anchor_day,
        forms=[_form(form) for form in row.forms],
        overdue=overdue,
        limits=[_limit(organization, limit) for limit in row.limits],
        posted={int(project): amount for project, amount in row.posted.items()},
    )


def _json(sql: str, *parameters: Any) -> RawSQL:
    return RawSQL(sql, parameters, JSONField())  # noqa: S611 - `sql` is a constant above


def _form(form: Mapping[str, Any]) -> FormTerms:
    by_model = {row["model"]: Decimal(row["percent"]) for row in form["by_model"]}
    return FormTerms(
        id=form["id"],
        starts_on=date.fromisoformat(form["starts_on"]),
        ends_on=date.fromisoformat(form["ends_on"]) if form["ends_on"] else None,
        discounts=Discounts(Decimal(form["general"]), by_model),
        days_until_due=form["days_until_due"],
    )


def _limit(organization: Organization, limit: Mapping[str, Any]) -> SpendLimit:
    project = None
    if limit["project"]:
        project = Project(
            pk=limit["project"],
            organization=organization,
            public_id=limit["public_id"],
            name=limit["name"],
            is_default=limit["is_default"],
        )
    return SpendLimit(
        organization=organization,
        project=project,
        amount=limit["amount"],
        is_hard=limit["is_hard"],
        alerts=limit["alerts"],
    )
