"""Purchase requests, with what each would cost today (R20)."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

from django.conf import settings
from django.db.models import Case, Count, OuterRef, Q, QuerySet, Subquery, When
from django.db.models.functions import Coalesce

from accounts.models import Organization, Role, User
from billing.domain.money import Money
from billing.queries.order_forms import billing_account
from capacity.domain.terms import Term
from capacity.models import PurchaseRequest, PurchaseRequestStatus
from capacity.queries.catalogue import unit_prices
from capacity.queries.quotes import CheckedPurchase, check_purchase
from common.errors import NotAllowed, NotFound


@dataclass(frozen=True, slots=True)
class PricedRequest:
    """A purchase request with its cost: as of today while it waits, as it was once it is decided.

    `due_now` is the charge of the first term, at standard rates (R9).
    """

    request: PurchaseRequest
    due_now: Money
    then_per_day: Money

    @classmethod
    def as_stored(cls, request: PurchaseRequest) -> "PricedRequest":
        """Return the request with its cost on its own day, or with that of its purchase."""
        return cls(request, request.due_now, request.then_per_day)


def purchase_requests(
    organization: Organization, *, status: str | None = None
) -> QuerySet[PurchaseRequest]:
    """Return purchase requests, newest first."""
    rows = PurchaseRequest.objects.filter(organization=organization)
    if status is not None:
        rows = rows.filter(status=status)
    return rows.select_related(
        "snapshot", "project", "pool", "requested_by", "decided_by", "purchase"
    ).order_by("-pk")


def search_requests(rows: QuerySet[PurchaseRequest], text: str) -> QuerySet[PurchaseRequest]:
    """Return the requests whose id begins so, or whose model, people or reason have the text."""
    found = Q(public_id__istartswith=text) | Q(reason__icontains=text)
    for column in ("snapshot__model", "requested_by__name", "requested_by__email"):
        found |= Q(**{f"{column}__icontains": text})
    return rows.filter(found) if text else rows


def find_request(organization: Organization, request_id: str) -> PurchaseRequest:
    """Return one purchase request. Raises NotFound, for another's request too (R18)."""
    request = purchase_requests(organization).filter(public_id=request_id).first()
    if request is None:
        raise NotFound(f"There is no purchase request “{request_id}”.")
    return request


def check_may_decide(request: PurchaseRequest, person: User) -> None:
    """Raises NotAllowed for the person who asked: a second one has to decide."""
    if request.requested_by == person:
        raise NotAllowed(
            "You asked for this purchase, so another owner has to decide it. You can withdraw it."
        )


def check_request(
    organization: Organization, request: PurchaseRequest, *, on: date
) -> CheckedPurchase:
    """Check and price the purchase that was asked for as if its buyer made it on the day `on`.

    Raises the errors of `check_purchase`.
    """
    return check_purchase(
        organization=organization,
        model=request.snapshot.model,
        units=request.units,
        buyer=request.requested_by,
        on=on,
        project=request.project.public_id,
        pool=request.pool.public_id if request.pool else None,
    )


def pricing(organization: Organization, *, on: date) -> Callable[[PurchaseRequest], PricedRequest]:
    """Return a function that prices a request of the organization on the service day `on`.

    It reads the list prices of what waits at once: pricing many requests takes no more statements.
    A request that is decided, or made, by somebody else meanwhile has its stored cost.
    """
    pending = PurchaseRequest.objects.filter(
        organization=organization, status=PurchaseRequestStatus.PENDING
    )
    prices = unit_prices(pending.values("snapshot"), on=on)
    term = Term.bought_on(on, billing_account(organization).period_containing(on))

    def price(request: PurchaseRequest) -> PricedRequest:
        units = {(request.snapshot_id, kind): number for kind, number in request.units.items()}
        if not request.is_pending or units.keys() - prices.keys():
            return PricedRequest.as_stored(request)
        per_day = sum(
            (prices[unit] * number for unit, number in units.items()),
            start=Money(0, settings.CURRENCY),
        )
        return PricedRequest(request, per_day * term.first_term_days, per_day)

    return price


def requests_waiting_for_member() -> Case:
    """Return an expression for queries of memberships: the requests that wait for this person.

    An owner decides those of others; for anyone else none waits.
    """
    waiting = (
        PurchaseRequest.objects.filter(
            organization=OuterRef("organization"), status=PurchaseRequestStatus.PENDING
        )
        .exclude(requested_by=OuterRef("user"))
        .order_by()
        .values("organization")
        .annotate(number=Count("pk"))
        .values("number")
    )
    return Case(When(role=Role.OWNER, then=Coalesce(Subquery(waiting), 0)), default=0)
