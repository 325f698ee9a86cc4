"""One organization that lives its history, in the product and in the reference."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from fractions import Fraction
from typing import Literal

from accounts.operations.changes import organization_change
from accounts.operations.projects import create_project
from billing.domain.money import Money
from billing.domain.order_forms import Discounts
from billing.models import InvoicePayment, OrderForm, PaymentStatus
from billing.models.limits import DEFAULT_ALERTS
from billing.operations.limits import set_spend_limit
from billing.operations.order_forms import (
    create_order_form,
    sign_order_form,
    terminate_order_form,
)
from billing.operations.payments import set_payment_status
from capacity.models import Purchase
from capacity.operations.cancellations import cancel_units, undo_cancellation
from capacity.operations.clock import advance_clock
from capacity.operations.days import open_due_days
from capacity.operations.purchases import buy_units
from common.errors import BusinessError
from tests.cast import OPERATOR, Acme, make_acme
from tests.simulation import records
from tests.simulation.histories import (
    Action,
    Buy,
    Cancel,
    EndOrderForm,
    History,
    SetLimit,
    SettleInvoice,
    SignOrderForm,
    UndoCancellation,
)
from tests.simulation.reference import ReferenceOrganization

DayOpener = Literal["sweep", "one by one", "test clock"]


def noon(day: date) -> datetime:
    return datetime.combine(day, time(12), UTC)


@dataclass
class Company:
    """One organization, in the product and in the reference."""

    acme: Acme
    history: History
    reference: ReferenceOrganization
    opener: DayOpener = "sweep"
    """What opens the organization's days."""
    lot_ids: list[str] = field(default_factory=list)
    cancellation_ids: list[str] = field(default_factory=list)
    order_form_keys: list[int] = field(default_factory=list)
    project_id: str = ""
    """The second project."""

    @classmethod
    def create(
        cls, history: History, catalogue: records.Catalogue, *, opener: DayOpener = "sweep"
    ) -> "Company":
        acme = make_acme(
            history.created_on.isoformat(),
            anchor_day=history.anchor_day,
            discount=str(history.discount_percent),
            is_sandbox=opener == "test clock",
        )
        reference = ReferenceOrganization(
            catalogue,
            history.anchor_day,
            history.created_on,
            [records.OrderForm(history.created_on, None, Fraction(history.discount_percent))],
        )
        order_form = OrderForm.objects.get(organization=acme.organization)
        project = create_project(
            organization=acme.organization,
            name="Search",
            by=acme.alice,
            now=noon(history.created_on),
        )
        return cls(
            acme,
            history,
            reference,
            opener,
            order_form_keys=[order_form.pk],
            project_id=project.public_id,
        )

    def open_to(self, day: date) -> None:
        """Open what is due in this organization alone: by its test clock, or as a change does."""
        organization = self.acme.organization
        if self.opener == "test clock":
            advance_clock(organization=organization, to=noon(day), by=self.acme.alice)
        else:
            open_due_days(organization=organization, now=noon(day))

    def act(self, day: date) -> None:
        """Do everything that the organization does on a day, in the product and the reference."""
        for action in self.history.actions.get(day, ()):
            if self.opener == "test clock":
                self.open_to(day)
            self._act(action, day)

    def _act(self, action: Action, day: date) -> None:
        match action:
            case Buy():
                expected = self.reference.buy(
                    day, action.model, action.units, in_project=action.in_project
                )
                self._compare(action, expected, self._buy(action, day))
            case Cancel() if self.lot_ids:
                position = action.lot % len(self.lot_ids)
                expected = self.reference.cancel(day, position, action.units)
                self._compare(action, expected, self._cancel(position, action.units, day))
            case UndoCancellation() if self.cancellation_ids:
                position = action.cancellation % len(self.cancellation_ids)
                expected = self.reference.undo(day, position)
                self._compare(action, expected, self._undo(position, day))
            case SettleInvoice():
                self._settle_invoice(action.status, day)
            case SignOrderForm():
                self._sign_order_form(action, day)
            case EndOrderForm():
                self._end_order_form(action, day)
            case SetLimit():
                self._set_limit(action, day)

    def _compare(self, action: Action, expected_codes: set[str], code: str | None) -> None:
        """The product raises one of the errors that the reference expects, or both allow it."""
        agreed = code in expected_codes if expected_codes else code is None
        assert agreed, f"{action}: refused as {code}, not one of {expected_codes}"

    def _buy(self, action: Buy, day: date) -> str | None:
        try:
            purchase = buy_units(
                organization=self.acme.organization,
                model=action.model,
                units=action.units,
                project=self.project_id if action.in_project else None,
                by=self.acme.alice,
                now=noon(day),
            )
        except BusinessError as error:
            return error.code
        assert isinstance(purchase, Purchase), "no purchase needs approval here"
        self.lot_ids += purchase.lots.order_by("pk").values_list("public_id", flat=True)
        return None

    def _cancel(self, position: int, units: int, day: date) -> str | None:
        try:
            cancellation = cancel_units(
                organization=self.acme.organization,
                lot_id=self.lot_ids[position],
                units=units,
                by=self.acme.bob,
                now=noon(day),
            )
        except BusinessError as error:
            return error.code
        self.cancellation_ids.append(cancellation.public_id)
        return None

    def _undo(self, position: int, day: date) -> str | None:
        try:
            undo_cancellation(
                organization=self.acme.organization,
                cancellation_id=self.cancellation_ids[position],
                by=self.acme.bob,
                now=noon(day),
            )
        except BusinessError as error:
            return error.code
        return None

    def _settle_invoice(self, status: str, day: date) -> None:
        """Do what the provider's event does to the oldest invoice that can still get the status."""
        self.reference.open_to(day)
        self.open_to(day)
        with organization_change(
            organization=self.acme.organization, by=OPERATOR, now=noon(day)
        ) as change:
            unsettled = InvoicePayment.objects.filter(
                organization=self.acme.organization,
                status__in=["open"] if status == "uncollectible" else ["open", "uncollectible"],
            )
            oldest = unsettled.select_for_update().order_by("pk").first()
            if oldest:
                set_payment_status(change, oldest, PaymentStatus(status), at=noon(day))
                self.reference.settle_invoice(day, oldest.invoice.number, status)

    def _sign_order_form(self, action: SignOrderForm, day: date) -> None:
        self.open_to(day)
        form = create_order_form(
            organization=self.acme.organization,
            starts_on=action.starts_on,
            ends_on=action.ends_on,
            by=OPERATOR,
            now=noon(day),
            discounts=Discounts(action.discount_percent, action.model_discounts),
            days_until_due=action.days_until_due,
        )
        sign_order_form(form=form, signed_name="Alice", by=self.acme.alice, now=noon(day))
        self.order_form_keys.append(form.pk)
        self.reference.sign_order_form(
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

    def _end_order_form(self, action: EndOrderForm, day: date) -> None:
        """An operator ends a form early, if that is possible: once, and not later than it says."""
        position = action.order_form % len(self.order_form_keys)
        form = self.reference.order_forms[position]
        is_earlier = form.ends_on is None or action.ends_on < form.ends_on
        if form.starts_on <= action.ends_on and is_earlier and not form.is_terminated:
            self.open_to(day)
            terminate_order_form(
                form=OrderForm.objects.get(pk=self.order_form_keys[position]),
                ends_on=action.ends_on,
                reason="It was agreed.",
                by=OPERATOR,
                now=noon(day),
            )
            self.reference.end_order_form(day, position, action.ends_on)

    def _set_limit(self, action: SetLimit, day: date) -> None:
        set_spend_limit(
            organization=self.acme.organization,
            project_id=self.project_id if action.of_project else None,
            amount=None if action.amount is None else Money(action.amount, "usd"),
            is_hard=action.is_hard,
            alerts=DEFAULT_ALERTS,
            by=self.acme.alice,
            now=noon(day),
        )
        of_project = True if action.of_project else None
        limit = records.Limit(of_project, action.amount or 0, action.is_hard)
        self.reference.set_limit(day, limit, lifted=action.amount is None)
