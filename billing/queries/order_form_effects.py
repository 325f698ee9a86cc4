"""What saving an order form does to its organization, in sentences that an operator confirms."""

from billing.models import OrderForm
from billing.queries.order_forms import billing_account, order_forms_in_force


def signing_effects(form: OrderForm) -> list[str]:
    """Return what a form that is being signed does: who may buy, when, and for how much less."""
    span = f"until {form.ends_on}, that day not included" if form.ends_on else "with no end"
    discounts = [f"{form.discount_percent.normalize():f} % on every model without its own"]
    discounts += [
        f"{each.discount_percent.normalize():f} % on {each.model}"
        for each in form.model_discounts.order_by("model")
    ]
    effects = [
        (
            f"{form.organization} ({form.organization.public_id}) may buy from {form.starts_on} "
            f"on, {span}. Signed by “{form.signed_name}”: after this only its end can be set."
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
    """Return what the anchor day of a form does: only the first one counts (R2)."""
    day = billing_account(form.organization).anchor_day
    if OrderForm.objects.filter(organization=form.organization).count() == 1:
        return [
            (
                f"It is the first order form of {form.organization}: invoice periods start on day "
                f"{day} of each month, for good."
            )
        ]
    if form.anchor_day != day:
        return [
            (
                f"Anchor day {form.anchor_day} has no effect: the invoice periods of "
                f"{form.organization} start on day {day} since its first order form."
            )
        ]
    return []


def end_effects(form: OrderForm) -> list[str]:
    """Return what another end of a signed form does (R11)."""
    if form.ends_on is None:
        return [f"{form.organization} may buy under {form} with no end."]
    successor = order_forms_in_force(form.ends_on).filter(organization=form.organization).first()
    if successor:
        return [f"{form} ends on {form.ends_on}; {successor} is in force then."]
    return [
        (
            f"{form} ends on {form.ends_on}, and no other form is in force then: "
            f"{form.organization} cannot buy from that day on."
        ),
        "Units past their commitment expire at their next renewal, the others when it ends.",
    ]
