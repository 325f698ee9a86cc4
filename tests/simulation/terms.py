"""Changes of the terms of a company: order forms, limits, and who may buy what alone."""

from datetime import UTC, date, datetime, time
from fractions import Fraction
from typing import TYPE_CHECKING

from billing.domain.money import Money
from billing.domain.order_forms import Discounts
from billing.models import OrderForm
from billing.models.limits import DEFAULT_ALERTS
from billing.operations.limits import set_spend_limit
from billing.operations.order_forms import (
    create_order_form,
    sign_order_form,
    terminate_order_form,
)
from capacity.operations.approvals import set_approval_threshold
from capacity.operations.purchasers import set_purchaser_limit
from tests.cast import OPERATOR
from tests.simulation import records
from tests.simulation.histories import (
    EndOrderForm,
    SetApprovalThreshold,
    SetLimit,
    SetPurchaserLimit,
    SignOrderForm,
)

if TYPE_CHECKING:
    from tests.simulation.company import Company

Terms = SignOrderForm | EndOrderForm | SetLimit | SetApprovalThreshold | SetPurchaserLimit


def noon(day: date) -> datetime:
    return datetime.combine(day, time(12), UTC)


def change_terms(company: "Company", action: Terms, day: date) -> None:
    """Do it in the product and in the reference."""
    match action:
        case SignOrderForm():
            _sign_order_form(company, action, day)
        case EndOrderForm():
            _end_order_form(company, action, day)
        case SetLimit():
            _set_limit(company, action, day)
        case SetApprovalThreshold():
            _set_approval_threshold(company, action, day)
        case SetPurchaserLimit():
            _set_purchaser_limit(company, action, day)


def _sign_order_form(company: "Company", action: SignOrderForm, day: date) -> None:
    company.open_to(day)
    form = create_order_form(
        organization=company.acme.organization,
        starts_on=action.starts_on,
        ends_on=action.ends_on,
        by=OPERATOR,
        now=noon(day),
        discounts=Discounts(action.discount_percent, action.model_discounts),
        days_until_due=action.days_until_due,
    )
    sign_order_form(form=form, signed_name="Alice", by=company.acme.alice, now=noon(day))
    company.order_form_keys.append(form.pk)
    company.reference.sign_order_form(
        day,
        records.OrderForm(
            starts_on=action.starts_on,
            ends_on=action.ends_on,
            discount_percent=Fraction(action.discount_percent),
            model_discounts={
                model: Fraction(percent) for model, percent in action.model_discounts.items()
            },
            days_until_due=action.days_until_due,
        ),
    )


def _end_order_form(company: "Company", action: EndOrderForm, day: date) -> None:
    """An operator ends a form early, if that is possible: once, and not later than it says."""
    position = action.order_form % len(company.order_form_keys)
    form = company.reference.order_forms[position]
    is_earlier = form.ends_on is None or action.ends_on < form.ends_on
    if form.starts_on <= action.ends_on and is_earlier and not form.is_terminated:
        company.open_to(day)
        terminate_order_form(
            form=OrderForm.objects.get(pk=company.order_form_keys[position]),
            ends_on=action.ends_on,
            reason="It was agreed.",
            by=OPERATOR,
            now=noon(day),
        )
        company.reference.end_order_form(day, position, action.ends_on)


def _set_limit(company: "Company", action: SetLimit, day: date) -> None:
    set_spend_limit(
        organization=company.acme.organization,
        project_id=company.project_id if action.of_project else None,
        amount=_usd(action.amount),
        is_hard=action.is_hard,
        alerts=DEFAULT_ALERTS,
        by=company.acme.alice,
        now=noon(day),
    )
    of_project = True if action.of_project else None
    limit = records.Limit(of_project, action.amount or 0, action.is_hard)
    company.reference.set_limit(day, limit, lifted=action.amount is None)


def _set_approval_threshold(company: "Company", action: SetApprovalThreshold, day: date) -> None:
    set_approval_threshold(
        organization=company.acme.organization,
        threshold=_usd(action.amount),
        by=company.acme.alice,
        now=noon(day),
    )
    company.reference.open_to(day)
    company.reference.approvals.threshold = action.amount


def _set_purchaser_limit(company: "Company", action: SetPurchaserLimit, day: date) -> None:
    bob = company.acme.bob.person
    set_purchaser_limit(
        organization=company.acme.organization,
        user_id=bob.public_id,
        limit=_usd(action.amount),
        by=company.acme.alice,
        now=noon(day),
    )
    company.reference.open_to(day)
    company.reference.approvals.limit_of_bob = action.amount


def _usd(amount: int | None) -> Money | None:
    return None if amount is None else Money(amount, "usd")
