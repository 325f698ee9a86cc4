"""What waits for an operator: how many, since when, and the list of them."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from urllib.parse import urlencode

from django.contrib.auth.models import AnonymousUser
from django.db.models import Count, Min, Model, Q, QuerySet
from django.urls import reverse

from accounts.models import Organization, OutboundEmail, User
from accounts.queries.organizations import organizations_behind
from billing.models import CustomerSync, InvoicePayment, InvoiceSync, ProviderEvent, SyncStatus
from billing.queries.payments import long_overdue_payments
from capacity.models import QuoteRequest, QuoteRequestStatus


@dataclass(frozen=True, slots=True)
class Queue:
    """Something that operators see to. `rows` returns what waits at the real time.

    `plural` names what waits, `noun` one of it. Whoever may see `model` sees the queue. `oldest` is
    the column that says since when one waits; empty if nothing does.
    """

    what: str
    plural: str
    noun: str
    model: type[Model]
    rows: Callable[[datetime], QuerySet[Any]]
    oldest: str
    query: dict[str, str]
    counted: str = "pk"
    page: str = ""
    """The model whose list shows them, where it is not `model`: `billing_invoice`."""

    @property
    def url(self) -> str:
        page = self.page or f"{self.model._meta.app_label}_{self.model._meta.model_name}"
        return f"{reverse(f'admin:{page}_changelist')}?{urlencode(self.query)}"

    def is_open_to(self, operator: User | AnonymousUser) -> bool:
        """Return whether the operator may see what waits."""
        app, _, name = (self.page or self.model._meta.label_lower.replace(".", "_")).partition("_")
        return operator.has_perm(f"{app}.view_{name}")


@dataclass(frozen=True, slots=True)
class Waiting:
    """How much waits in a queue, and since when."""

    queue: Queue
    count: int
    oldest: date | None
    days: int
    """How many days ago that was."""


QUEUES = (
    Queue(
        what="Quote requests to answer",
        plural="open quote requests",
        noun="quote request",
        model=QuoteRequest,
        rows=lambda _now: QuoteRequest.objects.filter(status=QuoteRequestStatus.OPEN),
        oldest="created_at",
        query={"status__exact": QuoteRequestStatus.OPEN.value},
    ),
    Queue(
        what="Customers overdue: an invoice is unpaid 14 days past its due date",
        plural="overdue customers",
        noun="customer",
        model=InvoicePayment,
        rows=lambda now: long_overdue_payments(now.date()).filter(organization__clock_at=None),
        oldest="invoice__due_on",
        query={"standing": "overdue"},
        counted="organization",
        page="billing_invoice",
    ),
    Queue(
        what="Invoices that did not reach Stripe",
        plural="failed syncs of invoices",
        noun="invoice",
        model=InvoiceSync,
        rows=lambda _now: InvoiceSync.objects.filter(status=SyncStatus.FAILED),
        oldest="invoice__issued_on",
        query={"status__exact": SyncStatus.FAILED.value},
    ),
    Queue(
        what="Billing details that did not reach Stripe",
        plural="failed syncs of billing details",
        noun="customer",
        model=CustomerSync,
        rows=lambda _now: CustomerSync.objects.filter(status=SyncStatus.FAILED),
        oldest="",
        query={"status__exact": SyncStatus.FAILED.value},
    ),
    Queue(
        what="Events of Stripe that cannot be processed",
        plural="unreadable events",
        noun="event",
        model=ProviderEvent,
        rows=lambda _now: ProviderEvent.objects.exclude(error=""),
        oldest="received_at",
        query={"error__isempty": "0"},
    ),
    Queue(
        what="Mail that could not be sent yet",
        plural="failed mail",
        noun="email",
        model=OutboundEmail,
        rows=lambda _now: OutboundEmail.objects.filter(sent_at=None, failures__gt=0),
        oldest="created_at",
        query={"sent_at__isempty": "1", "failures__gt": "0"},
    ),
    Queue(
        what="Customers behind: a day of theirs is not opened",
        plural="customers behind",
        noun="customer",
        model=Organization,
        rows=organizations_behind,
        oldest="opened_until",
        query={"days": "behind"},
    ),
)


def waiting(operator: User | AnonymousUser, *, now: datetime) -> list[Waiting]:
    """Return the queues that the operator may see, in one statement each; `now` is the real time.

    Queues in which nothing waits are there too, with the count 0.
    """
    return [_state(queue, now) for queue in QUEUES if queue.is_open_to(operator)]


def waiting_of(
    operator: User | AnonymousUser, organization: Organization, *, now: datetime
) -> list[Waiting]:
    """Return the queues in which something of one customer waits."""
    states = (
        _state(queue, now, _of(queue, organization))
        for queue in QUEUES
        if queue.is_open_to(operator) and queue.model is not ProviderEvent
    )
    return [state for state in states if state.count]


def _of(queue: Queue, organization: Organization) -> Q:
    own = {"pk": organization.pk} if queue.model is Organization else {"organization": organization}
    return Q(**own)


def _state(queue: Queue, now: datetime, condition: Q | None = None) -> Waiting:
    rows = queue.rows(now).filter(condition or Q())
    figures = {"count": Count(queue.counted, distinct=queue.counted != "pk")}
    since = {"oldest": Min(queue.oldest)} if queue.oldest else {}
    found = rows.order_by().aggregate(**figures, **since)
    oldest = found.get("oldest")
    day = oldest.date() if isinstance(oldest, datetime) else oldest
    return Waiting(queue, found["count"], day, days=(now.date() - day).days if day else 0)
