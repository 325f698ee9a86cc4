"""What an operator sees of one customer, on one page."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, TypeVar

from django.http import HttpRequest
from django.utils import timezone

from accounts.models import AuditEntry, Membership, Organization
from accounts.queries.audit import audit_entries
from accounts.queries.audit_words import EntryInWords, in_words
from accounts.queries.members import members
from billing.domain.money import Money
from billing.models import Invoice, OrderForm
from billing.queries.invoices import invoices
from billing.queries.limits import Limits, limits
from billing.queries.order_forms import order_forms, order_forms_in_force
from billing.queries.standing import Standing, standing
from capacity.models import Lot
from capacity.queries.active_capacity import ModelCapacity, capacity_by_model
from scaletier.desk.search import may_view
from scaletier.desk.waiting import Waiting, waiting_of

MOST = 10
"""The most rows of a list; the whole list is one click away."""

Part = TypeVar("Part")


@dataclass(frozen=True, slots=True)
class InvoiceRow:
    """An invoice with its status on the day, and whether its payment can be recorded."""

    invoice: Invoice
    total: Money
    status: str
    is_owed: bool


@dataclass(frozen=True, slots=True)
class Customer:
    """A customer on their own present day. A part is None if the operator may not see it."""

    organization: Organization
    today: date
    standing: Standing | None
    form_in_force: OrderForm | None
    order_forms: Sequence[OrderForm] | None
    limits: Limits | None
    capacity: Sequence[ModelCapacity] | None
    invoices: Sequence[InvoiceRow] | None
    members: Sequence[Membership] | None
    waiting: Sequence[Waiting]
    entries: Sequence[EntryInWords] | None


def customer(request: HttpRequest, organization: Organization) -> Customer:
    """Return what the operator may see of a customer, as it is: no due day is opened for it.

    So the page opens too when a day of the customer cannot be opened.
    """
    today = organization.now().date()

    def seen(model: type[Any], read: Callable[[], Part]) -> Part | None:
        return read() if may_view(request, model) else None

    return Customer(
        organization=organization,
        today=today,
        standing=seen(Invoice, lambda: standing(organization, today)),
        form_in_force=seen(
            OrderForm, lambda: order_forms_in_force(today).filter(organization=organization).first()
        ),
        order_forms=seen(OrderForm, lambda: list(order_forms(organization)[:MOST])),
        limits=seen(Invoice, lambda: limits(organization, on=today)),
        capacity=seen(Lot, lambda: capacity_by_model(organization, on=today)),
        invoices=seen(Invoice, lambda: _invoices(organization, today)),
        members=seen(Membership, lambda: list(members(organization)[:MOST])),
        waiting=waiting_of(request.user, organization, now=timezone.now()),
        entries=seen(AuditEntry, lambda: _entries(organization)),
    )


def _invoices(organization: Organization, today: date) -> list[InvoiceRow]:
    rows = []
    for invoice in invoices(organization).prefetch_related(None)[:MOST]:
        invoice.organization = organization
        status = invoice.status_on(today)
        total = invoice.money(invoice.total)
        rows.append(InvoiceRow(invoice, total, status, is_owed=status in {"open", "overdue"}))
    return rows


def _entries(organization: Organization) -> list[EntryInWords]:
    return in_words(list(audit_entries(organization)[:MOST]), organization)
