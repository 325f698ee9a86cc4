"""Making, signing and terminating order forms (R11, R23).

Due days are opened before, under the earlier forms (R7).
"""

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from http import HTTPStatus

from accounts.models import Organization
from accounts.operations.audit import Actor
from accounts.operations.changes import Change, organization_change
from accounts.queries.members import owners
from billing.domain.order_forms import DEFAULT_DAYS_UNTIL_DUE, Discounts
from billing.models import BillingAccount, ModelDiscount, OrderForm, OrderFormTermination
from billing.operations.billing_accounts import assign_invoice_prefix
from billing.operations.limits import raise_alerts
from billing.queries.order_forms import order_forms, terms_digest
from common.errors import BusinessError, InvalidRequest
from common.texts import is_single_line

MAX_NAME_LENGTH = 120
NO_DISCOUNTS = Discounts()


class AlreadySigned(BusinessError):
    """A signed form never changes (R23), so it cannot be signed again."""

    code = "already_signed"
    status = HTTPStatus.CONFLICT


class OrderFormEnded(BusinessError):
    """The days of the form are over."""

    code = "order_form_ended"
    status = HTTPStatus.CONFLICT


class OrderFormChanged(BusinessError):
    """The terms are no longer those that the person has read."""

    code = "order_form_changed"
    status = HTTPStatus.CONFLICT


def create_order_form(
    *,
    organization: Organization,
    starts_on: date,
    by: Actor,
    now: datetime,
    ends_on: date | None = None,
    anchor_day: int = 1,
    discounts: Discounts = NO_DISCOUNTS,
    days_until_due: int = DEFAULT_DAYS_UNTIL_DUE,
    terms: str = "",
) -> OrderForm:
    """Make an order form, not yet signed.

    Raises Django's ValidationError for invalid terms.
    """
    form = OrderForm(
        starts_on=starts_on,
        ends_on=ends_on,
        anchor_day=anchor_day,
        discount_percent=discounts.general,
        days_until_due=days_until_due,
        terms=terms,
    )
    with organization_change(organization=organization, by=by, now=now) as change:
        return add_order_form(change, form, discounts.by_model)


def add_order_form(
    change: Change, form: OrderForm, model_discounts: Mapping[str, Decimal]
) -> OrderForm:
    """Save a new form with its discounts by model, in the transaction of `change`.

    Raises Django's ValidationError for invalid terms.
    """
    form.organization = change.organization
    form.created_at = change.now
    form.full_clean()
    discounts = [
        ModelDiscount(order_form=form, model=model, discount_percent=percent)
        for model, percent in model_discounts.items()
    ]
    for discount in discounts:
        discount.full_clean(exclude=["order_form"], validate_unique=False)
    form.save()
    ModelDiscount.objects.bulk_create(discounts)
    change.record("order_form.created", form.public_id, after=_document(form, model_discounts))
    return form


def _document(form: OrderForm, model_discounts: Mapping[str, Decimal]) -> dict[str, object]:
    """Return the terms for the audit log; without what the form does not have."""
    document: dict[str, object] = {
        "starts_on": form.starts_on.isoformat(),
        "ends_on": form.ends_on.isoformat() if form.ends_on else None,
        "anchor_day": form.anchor_day,
        "discount_percent": str(form.discount_percent),
        "days_until_due": form.days_until_due,
    }
    if model_discounts:
        document["model_discounts"] = {
            model: str(percent) for model, percent in model_discounts.items()
        }
    return document | ({"terms": form.terms} if form.terms else {})


def sign_order_form(
    *, form: OrderForm, signed_name: str, by: Actor, now: datetime, shown: str | None = None
) -> OrderForm:
    """Sign an order form with a typed name. Units can be bought from `starts_on` on (R11).

    The other owners get an email, unless an operator records a signature on paper. The first form
    that an organization signs fixes its anchor day (R2). `shown` is the digest of
    the terms that the person has read. Raises InvalidRequest for a text that is no name;
    AlreadySigned; OrderFormEnded; or OrderFormChanged if the terms are no longer those.
    """
    with organization_change(organization=form.organization, by=by, now=now) as change:
        OrderForm.objects.select_for_update().get(pk=form.pk)
        form = order_forms(change.organization).get(pk=form.pk)
        if form.is_signed:
            raise AlreadySigned(f"This order form is signed already, by {form.signed_name}.")
        if form.end and form.end <= change.today:
            raise OrderFormEnded(f"This order form ended on {form.end}; ask us for another.")
        if shown is not None and shown != terms_digest(form):
            raise OrderFormChanged("The terms have changed since you read them. Read them again.")
        form.signed_name = full_name(signed_name)
        fix_anchor_day(form)
        form.signed_at = change.now
        form.signed_by = by.user
        form.save(update_fields=["signed_at", "signed_name", "signed_by"])
        change.record("order_form.signed", form.public_id, after={"signed_name": form.signed_name})
        if owners(change.organization).filter(user=by.user).exists():
            change.enqueue_email("order_form_signed", form.public_id)
        raise_alerts(organization=change.organization, on=change.today, at=change.now)
    return form


def full_name(text: str) -> str:
    """Return a typed name with single spaces. Raises InvalidRequest if it is no full name.

    It has two letters at least, of any script, on one line. It need not be the name of the account:
    people sign with their legal name, and who was signed in is recorded beside it (R23).
    """
    name = " ".join(text.split())
    if not name:
        raise InvalidRequest.field("name", "Type your full name.")
    if sum(letter.isalpha() for letter in name) < 2 or not is_single_line(text.strip()):
        raise InvalidRequest.field("name", "Type your full name, in letters, on one line.")
    if len(name) > MAX_NAME_LENGTH:
        raise InvalidRequest.field("name", f"A name has at most {MAX_NAME_LENGTH} characters.")
    return name


def fix_anchor_day(form: OrderForm) -> None:
    """Set the anchor day of the organization, if the form is the first one that is signed (R2)."""
    signed = OrderForm.objects.filter(organization=form.organization, signed_at__isnull=False)
    if not signed.exclude(pk=form.pk).exists():
        account, _ = BillingAccount.objects.update_or_create(
            organization=form.organization, defaults={"anchor_day": form.anchor_day}
        )
        if not account.invoice_prefix:
            assign_invoice_prefix(account)


def terminate_order_form(
    *, form: OrderForm, ends_on: date, reason: str, by: Actor, now: datetime
) -> OrderFormTermination:
    """End a signed form earlier than it says; it cannot be taken back (R11, R23).

    `ends_on` is the first day without it: tomorrow or later, and none before its start. Raises
    InvalidRequest if it is not, or if the form cannot be terminated; ValidationError for no reason.
    """
    with organization_change(organization=form.organization, by=by, now=now) as change:
        OrderForm.objects.select_for_update().get(pk=form.pk)
        form = order_forms(change.organization).get(pk=form.pk)
        check_termination(form, ends_on, change.today)
        termination = OrderFormTermination(
            order_form=form,
            ends_on=ends_on,
            reason=reason,
            terminated_at=change.now,
            terminated_by=by.user,
        )
        termination.full_clean()
        termination.save()
        change.record(
            "order_form.terminated",
            form.public_id,
            before={"ends_on": form.ends_on.isoformat() if form.ends_on else None},
            after={"ends_on": ends_on.isoformat(), "reason": reason},
        )
        change.enqueue_email("order_form_terminated", form.public_id)
    return termination


def check_termination(form: OrderForm, ends_on: date, today: date) -> None:
    """Raises InvalidRequest if the form cannot end early on that day."""
    if not form.is_signed:
        raise InvalidRequest("It is not signed: change it instead.")
    if form.end != form.ends_on:
        raise InvalidRequest(f"It is terminated already and ends on {form.end}.")
    if ends_on <= today:
        raise InvalidRequest.field("ends_on", "The earliest is tomorrow: today is charged already.")
    if ends_on < form.starts_on:
        raise InvalidRequest.field("ends_on", f"It starts on {form.starts_on}: that day or later.")
    if form.ends_on and ends_on >= form.ends_on:
        raise InvalidRequest.field(
            "ends_on", f"It ends on {form.ends_on} as signed. To prolong it, make another form."
        )
