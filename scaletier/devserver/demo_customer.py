"""A demo organization whose history is being made, by the operations that customers use."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from accounts.models import Organization, Role, User
from accounts.operations.audit import Actor
from accounts.operations.projects import change_project, create_project
from billing.models import OrderForm
from billing.operations.order_forms import sign_order_form
from billing.operations.payments import record_payment
from billing.queries.order_forms import STANDARD_TERMS
from capacity.models import Purchase, PurchaseRequest, QuoteRequest
from capacity.operations.cancellations import cancel_units, undo_cancellation
from capacity.operations.clock import advance_clock
from capacity.operations.days import open_due_days
from capacity.operations.purchases import buy_units
from capacity.operations.quote_requests import (
    answer_quote_request,
    request_quote,
)
from capacity.queries.quote_requests import ExpectedTraffic
from scaletier.devserver.progress import Progress
from scaletier.sandbox import (
    COMMAND,
)

OPERATOR = ("operator@scaletier.example", "Olga Petrov")

PAYMENT_DELAY = timedelta(days=25)


@dataclass(slots=True)
class Customer:
    """A demo organization whose history is being made. Every operation happens at `now`."""

    organization: Organization
    by: Actor
    now: datetime
    progress: Progress

    def advance(self, days: int) -> "Customer":
        """Move `now` on day by day, and pay each invoice by bank transfer when it is 25 days old.

        Returns the customer itself.
        """
        for _ in range(days):
            unpaid_invoices = self.organization.invoices.filter(payment__status="open")
            last_issue_date = self.now.date() - PAYMENT_DELAY
            for invoice in unpaid_invoices.filter(issued_on__lte=last_issue_date):
                record_payment(invoice=invoice, by=COMMAND, now=self.now)
            self.now += timedelta(days=1)
            if self.organization.is_sandbox:
                advance_clock(organization=self.organization, to=self.now, by=self.by)
            else:
                open_due_days(organization=self.organization, now=self.now)
            self.progress.advance()
        return self

    def buy(self, model: str, *, project: str | None = None, **units: int) -> Purchase:
        purchase = buy_units(
            organization=self.organization,
            model=model,
            units=units,
            project=project,
            by=self.by,
            now=self.now,
        )
        assert isinstance(purchase, Purchase), "owners buy before there is a threshold"
        return purchase

    def project(self, name: str) -> str:
        """Make a project. Returns its id."""
        project = create_project(
            organization=self.organization, name=name, by=self.by, now=self.now
        )
        return project.public_id

    def archive(self, project_id: str) -> None:
        change_project(
            organization=self.organization,
            project_id=project_id,
            archived=True,
            by=self.by,
            now=self.now,
        )

    def request(self, model: str, **units: int) -> PurchaseRequest:
        """Let the purchaser ask for a purchase above the approval threshold."""
        purchaser = self.organization.memberships.get(role=Role.PURCHASER).user
        request = buy_units(
            organization=self.organization,
            model=model,
            units=units,
            by=Actor("page", purchaser),
            now=self.now,
        )
        assert isinstance(request, PurchaseRequest), "it costs more than the threshold"
        return request

    def cancel(self, purchase: Purchase, kind: str, units: int) -> str:
        """Cancel units of the lot of this kind. Returns the id of the cancellation."""
        lot = purchase.lots.get(kind=kind)
        return cancel_units(
            organization=self.organization,
            lot_id=lot.public_id,
            units=units,
            by=self.by,
            now=self.now,
        ).public_id

    def undo(self, cancellation_id: str) -> None:
        undo_cancellation(
            organization=self.organization,
            cancellation_id=cancellation_id,
            by=self.by,
            now=self.now,
        )

    def ask(self, note: str, *models: ExpectedTraffic) -> QuoteRequest:
        return request_quote(
            organization=self.organization, models=models, note=note, by=self.by, now=self.now
        )

    def sign(self, request: QuoteRequest, *, discount: str, reply: str) -> None:
        """The operator answers the request with an order form for a year, and the owner signs."""
        form = answer_quote_request(
            request=request,
            form=OrderForm(
                starts_on=self.now.date(),
                ends_on=self.now.date() + timedelta(days=365),
                discount_percent=Decimal(discount),
                terms=STANDARD_TERMS,
            ),
            model_discounts={},
            reply=reply,
            by=operator(),
            now=self.now,
        )
        sign_order_form(form=form, signed_name=self.by.person.name, by=self.by, now=self.now)


def operator() -> Actor:
    return Actor("admin", User.objects.get(email=OPERATOR[0]))
