"""The bar with a sandbox's clock, on every page of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from django import template

from accounts.access import Permission
from billing.queries.order_forms import billing_account
from capacity.forms import ClockForm
from capacity.operations.clock import LONGEST_MOVE

register = template.Library()

DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class ClockStep:
    """One button: its label, and the instant that it moves the clock to."""

    label: str
    at: datetime

    @property
    def value(self) -> str:
        return self.at.strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(frozen=True, slots=True)
class ClockBar:
    """How an owner can move the clock, and the form, with its errors if it has some."""

    form: ClockForm
    steps: Sequence[ClockStep]
    first: date
    last: date
    """The days to which the date field can move it."""
    next: str


@register.simple_tag(takes_context=True)
def clock_bar(context: template.Context) -> ClockBar | None:
    """None for those who may only read the clock."""
    request = context["request"]
    access = request.access
    if not access.may(Permission.MANAGE):
        return None
    now = access.now
    period = billing_account(access.organization).period_containing(now.date())
    # A period has 31 days at most, so its end is never out of reach.
    end = datetime.combine(period.end, time.min, UTC)
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
