"""One organization that lives its history, in the product and in the reference."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction
from functools import partial
from typing import Literal

from accounts.models import Role
from accounts.operations.audit import Actor
from accounts.operations.changes import organization_change
from accounts.operations.projects import create_project
from billing.domain.money import Money
from billing.models import InvoicePayment, OrderForm, PaymentStatus
from billing.operations.payments import set_payment_status
from capacity.models import Purchase, PurchaseRequest
from capacity.operations.approvals import approve_request, decline_request
from capacity.operations.cancellations import cancel_units, undo_cancellation
from capacity.operations.clock import advance_clock
from capacity.operations.days import open_due_days
from capacity.operations.purchase_requests import withdraw_request
from capacity.operations.purchases import buy_units
from common.errors import BusinessError
from tests.cast import OPERATOR, Acme, make_acme, person
from tests.simulation import records
from tests.simulation.approvals import Approvals
from tests.simulation.histories import (
    Action,
    Buy,
    Cancel,
    Decide,
    History,
    Person,
    SettleInvoice,
    UndoCancellation,
)
from tests.simulation.reference import ReferenceOrganization
from tests.simulation.terms import change_terms, noon

DayOpener = Literal["sweep", "one by one", "test clock"]


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
    request_ids: list[str] = field(default_factory=list)
    project_id: str = ""
    """The second project."""
    people: dict[Person, Actor] = field(default_factory=dict)

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
            approvals=Approvals(has_second_owner="Dora" in history.people),
        )
        people: dict[Person, Actor] = {"Alice": acme.alice, "Bob": acme.bob}
        if "Dora" in history.people:
            people["Dora"] = person("Dora", acme.organization, Role.OWNER)
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
            people=people,
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
                self._compare(action, self.reference.buy(day, action), self._buy(action, day))
            case Decide() if self.request_ids:
                position = action.request % len(self.request_ids)
                shown = self._shown(position, day - action.seen_before)
                expected = self.reference.decide(day, position, action)
                self._compare(action, expected, self._decide(action, position, shown, day))
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
            case Cancel() | UndoCancellation() | Decide():
                pass  # There is nothing yet that it could be about.
            case _:
                change_terms(self, action, day)

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
                by=self.people[action.by],
                now=noon(day),
            )
        except BusinessError as error:
            return error.code
        if isinstance(purchase, PurchaseRequest):
            self.request_ids.append(purchase.public_id)
            return "needs_approval"
        self._add_lots(purchase)
        return None

    def _add_lots(self, purchase: Purchase) -> None:
        self.lot_ids += purchase.lots.order_by("pk").values_list("public_id", flat=True)

    def _shown(self, position: int, seen_on: date) -> Money:
        """What a person saw on a day that would be due for a request."""
        purchase = self.reference.approvals.requests[position].purchase
        return Money(self.reference.due(purchase, seen_on), "usd")

    def _decide(self, action: Decide, position: int, shown: Money, day: date) -> str | None:
        ways: dict[str, Callable[..., PurchaseRequest]] = {
            "approve": partial(approve_request, due_now=shown),
            "decline": partial(decline_request, reason=""),
            "withdraw": withdraw_request,
        }
        try:
            request = ways[action.decision](
                organization=self.acme.organization,
                request_id=self.request_ids[position],
                by=self.people[action.by],
                now=noon(day),
            )
        except BusinessError as error:
            return error.code
        if request.purchase:
            self._add_lots(request.purchase)
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
