"""The clock bar on all pages of a sandbox (R13)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django import template

from accounts.access import Permission
from billing.queries.order_forms import billing_account
from capacity.forms import ClockForm
from capacity.operations.clock import LONGEST_MOVE
from common.instants import midnight, rfc3339

register = template.Library()

DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class ClockStep:
    """One button: its label, and the instant to which it moves the clock."""

    label: str
    at: datetime

    @property
    def value(self) -> str:
        """Return the instant as the value of the button."""
        return rfc3339(self.at)


@dataclass(frozen=True, slots=True)
class ClockBar:
    """The form that moves the clock, with its errors, and its buttons."""

    form: ClockForm
    steps: Sequence[ClockStep]
    first: date
    last: date
    """The first and the last day that the date field accepts."""
    next: str


@register.simple_tag(takes_context=True)
def clock_bar(context: template.Context) -> ClockBar | None:
    """Return the clock bar; None for people who may not move the clock."""
    request = context["request"]
    access = request.access
    if not access.may(Permission.MANAGE):
        return None
    now = access.now
    period = billing_account(access.organization).period_containing(now.date())
    # A period has at most 31 days, so one move can reach its end.
    end = midnight(period.end)
    form = context.get("clock_form") or ClockForm()
    return ClockBar(
        form=form,
        steps=[
            ClockStep("+1 day", now + DAY),
            ClockStep("+7 days", now + 7 * DAY),
            ClockStep("To the end of the period", end),
        ],
        first=now.date() + DAY,
        last=(now + LONGEST_MOVE).date(),
        next=context.get("back") or (request.get_full_path() if request.method == "GET" else ""),
    )
