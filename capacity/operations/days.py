"""Opening days: all changes that become due at a date and that no person makes (R7).

Pages, the API, purchases, test clocks and the sweep all call `pass_time`; there is no other code
for it. It works on a set of organizations, so that the sweep opens a day for hundreds of them in
one statement, with the code that opens a day for one.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db import connection, transaction
from django.db.models import Q, Sum

from accounts.models import Organization
from accounts.operations.emails import enqueue_emails
from accounts.operations.organizations import lock_organization
from billing.operations.invoices import issue_invoices
from billing.operations.limits import raise_alerts_of_day
from billing.queries.spend import LimitsInReach
from capacity.models import Cancellation, CancellationStatus, ExpiryReason
from capacity.operations.expiries import expire, expire_whole_lots
from capacity.operations.purchase_requests import lapse_requests
from capacity.operations.renewals import expire_without_form_or_overdue, renew
from capacity.queries.days import (
    COMMITMENT_NOTICE,
    DueSteps,
    active_lots_of,
    due_cancellations,
    due_steps,
)
from capacity.queries.limits import limits_in_reach_of_day
from capacity.queries.order_form_ends import order_form_ends
from capacity.queries.refused_renewals import refused_renewals
from common.conditions import any_of
from common.instants import midnight


@dataclass(frozen=True, slots=True)
class Opened:
    """The result of opening: days opened (one for each organization), charges, invoices."""

    days: int = 0
    charges: int = 0
    invoices: int = 0

    def __add__(self, other: "Opened") -> "Opened":
        return Opened(
            self.days + other.days,
            self.charges + other.charges,
            self.invoices + other.invoices,
        )


def open_due_days(*, organization: Organization, now: datetime) -> Opened:
    """Open each day of the organization that is due by `now`, in order (R7).

    Each day has its own transaction. `now` is the organization's time.
    """
    opened = Opened()
    if organization.opened_until > now.date():
        return opened
    while True:
        with transaction.atomic(durable=True):
            locked = lock_organization(organization)
            step = pass_time(organizations=[locked], until=now)
            if step is None:
                organization.opened_until = locked.opened_until
                return opened
            opened += step


def pass_time(*, organizations: Sequence[Organization], until: datetime) -> Opened | None:
    """Open the next service day if it is due by the instant `until`; return None if it is not.

    `organizations` are locked and have the same next service day. It is one step in the caller's
    transaction. Changes that become due at an instant within a day belong here too, before the
    next day is opened.
    """
    assert connection.in_atomic_block, "a day is opened in one transaction"
    day = organizations[0].opened_until
    if day > until.date():
        return None
    return open_day(organizations=[organization.pk for organization in organizations], on=day)


def open_day(*, organizations: Sequence[int], on: date) -> Opened:
    """Open the service day `on` for organizations, given by primary key (R7).

    They are locked, and `on` is the next day of each. The steps are, in this order: units whose end
    has come expire; the invoice of a period that ended is issued; renewals are charged. Purchase
    requests that nobody has decided lapse (R20).
    """
    assert connection.in_atomic_block, "a day is opened in one transaction"
    due = due_steps(organizations, on)
    if due.cancellations:
        _expire_cancelled_units(organizations, on)
    if due.retirements:
        _expire_retired_units(organizations, on)
    invoices = issue_invoices(organizations=organizations, on=on)
    if due.renewals_past_commitment:
        expire_without_form_or_overdue(organizations, on)
    limits = limits_in_reach_of_day(organizations, on) if due.spend_limits else LimitsInReach()
    charges = 0
    if due.renewals:
        charges = renew(organizations=organizations, near_limit=limits.near, on=on)
    if due.expiries:
        _mark_effective_cancellations(organizations, on)
    if due.lapses:
        lapse_requests(organizations=organizations, on=on)
    _enqueue_emails_about_ends(organizations, due, on)
    raise_alerts_of_day(organizations=limits.alerting, on=on)
    _enqueue_refusal_emails(limits.near, on)
    Organization.objects.filter(any_of("pk", organizations)).update(
        opened_until=on + timedelta(days=1)
    )
    return Opened(days=len(organizations), charges=charges, invoices=invoices)


def _expire_cancelled_units(organizations: Sequence[int], on: date) -> None:
    due = due_cancellations(organizations, on).order_by("lot_id").values("lot_id")
    expire(due.annotate(ended=Sum("units")), ExpiryReason.CANCELLED, on)


def _expire_retired_units(organizations: Sequence[int], on: date) -> None:
    lots = active_lots_of(organizations).filter(snapshot__retires_on__lte=on)
    expire_whole_lots(lots, ExpiryReason.MODEL_RETIRED, on)


def _mark_effective_cancellations(organizations: Sequence[int], on: date) -> None:
    """Mark cancellations as effective if their end has come or their lot has no active units."""
    Cancellation.objects.filter(
        any_of("organization", organizations),
        Q(ends_on__lte=on) | Q(lot__active_units=0),
        status=CancellationStatus.SCHEDULED,
    ).update(status=CancellationStatus.EFFECTIVE)


def _enqueue_emails_about_ends(organizations: Sequence[int], due: DueSteps, on: date) -> None:
    if due.ends_of_commitment:
        _enqueue_commitment_emails(organizations, on)
    if due.order_form_ends:
        _enqueue_order_form_emails(organizations, on)


def _enqueue_commitment_emails(organizations: Sequence[int], on: date) -> None:
    """Enqueue emails to organizations with a lot whose commitment ends soon."""
    ends_on = on + COMMITMENT_NOTICE
    ending = active_lots_of(organizations).filter(commitment_ends_on=ends_on).order_by()
    enqueue_emails(
        kind="commitments_ending",
        about=dict.fromkeys(
            ending.values_list("organization", flat=True).distinct(), ends_on.isoformat()
        ),
        now=midnight(on),
    )


def _enqueue_order_form_emails(organizations: Sequence[int], on: date) -> None:
    """Enqueue emails about the end of order forms: 30 and 7 days before it, and on its day (R11).

    Each is about the end and its distance, so that it is enqueued once.
    """
    about: defaultdict[int, dict[int, str]] = defaultdict(dict)
    for organization, ends_on in order_form_ends(organizations, on):
        days = (ends_on - on).days
        about[days][organization] = f"{ends_on} {days}"
    for days, about_each in about.items():
        kind = "order_form_ending" if days else "order_form_ended"
        enqueue_emails(kind=kind, about=about_each, now=midnight(on))


def _enqueue_refusal_emails(organizations: Sequence[int], on: date) -> None:
    """Enqueue emails about renewals that hard limits will refuse in 7 days or earlier (R10).

    Each day of such renewals has one email, enqueued as soon as it is foreseen.
    """
    if not organizations:
        return
    rows = Organization.objects.filter(any_of("pk", organizations)).select_related("billing")
    for organization in rows.order_by("pk"):
        for ends_on in sorted({row.ends_on for row in refused_renewals(organization, on=on)}):
            enqueue_emails(
                kind="renewals_refused",
                about={organization.pk: ends_on.isoformat()},
                now=midnight(on),
            )
