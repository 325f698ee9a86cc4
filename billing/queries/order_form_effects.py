"""What an operator's step with an order form does, in sentences that they read before."""

from datetime import date

from billing.models import OrderForm
from billing.queries.order_forms import billing_account, order_forms_in_force
from common.decimals import plain


def signing_effects(form: OrderForm) -> list[str]:
    """Return what the signature of a form does: who may buy, when, and for how much less."""
    span = f"until {form.ends_on}, that day not included" if form.ends_on else "with no end"
    discounts = [f"{plain(form.discount_percent)} % on every model without its own"]
    discounts += [
        f"{plain(each.discount_percent)} % on {each.model}" for each in form.model_discounts.all()
    ]
    effects = [
        (
            f"{form.organization} ({form.organization.public_id}) may buy from {form.starts_on} "
            f"on, {span}. Once signed, the form never changes."
        ),
        f"Discounts: {', '.join(discounts)}. What is charged already stays as it is.",
        f"Invoices are due {form.days_until_due} days after they are issued.",
    ]
    earlier = order_forms_in_force(form.starts_on).filter(organization=form.organization)
    replaced = earlier.exclude(pk=form.pk).first()
    if replaced:
        effects.append(f"It takes over from {replaced}, which is in force on {form.starts_on}.")
    return effects


def anchor_day_effects(form: OrderForm) -> list[str]:
    """Return what the anchor day of a form does: only that of the first signed one counts (R2)."""
    signed = OrderForm.objects.filter(organization=form.organization, signed_at__isnull=False)
    if not signed.exists():
        return [
            (
                f"It is the first order form that {form.organization} signs: invoice periods "
                f"start on day {form.anchor_day} of each month, for good."
            )
        ]
    day = billing_account(form.organization).anchor_day
    if form.anchor_day != day:
        return [
            (
                f"Anchor day {form.anchor_day} has no effect: the invoice periods of "
                f"{form.organization} start on day {day} since its first order form."
            )
        ]
    return []


def termination_effects(form: OrderForm, ends_on: date) -> list[str]:
    """Return what the early end of a signed form does (R11)."""
    others = order_forms_in_force(ends_on).filter(organization=form.organization)
    successor = others.exclude(pk=form.pk).first()
    if successor:
        return [f"{form} ends on {ends_on}, for good; {successor} is in force then."]
    return [
        (
            f"{form} ends on {ends_on}, for good, and no other form is in force then: "
            f"{form.organization} cannot buy from that day on, until it signs another."
        ),
        "Units past their commitment expire at their next renewal, the others when it ends.",
        "The owners get an email with the reason and with what ends.",
    ]
