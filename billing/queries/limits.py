"""Spend of a period against the limits of an organization and its projects (R10)."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from http import HTTPStatus

from django.conf import settings

from accounts.models import Organization, Project
from billing.domain.limits import HardLimits, thresholds_reached
from billing.domain.money import Money
from billing.domain.periods import Period
from billing.models import SpendLimit
from billing.models.limits import default_alerts
from billing.queries.standing import Standing, standing
from billing.seller import connected_seller
from common.errors import BusinessError, NotFound


class SpendLimitExceeded(BusinessError):
    """A purchase would take the spend of a period past a hard limit (R10)."""

    code = "spend_limit_exceeded"
    status = HTTPStatus.CONFLICT


@dataclass(frozen=True, slots=True)
class LimitState:
    """A limit with the spend of the present period, as R10 counts it, in minor units.

    `project` None is the organization's own limit; `amount` None is no limit.
    """

    project: Project | None
    amount: int | None
    is_hard: bool
    alerts: Sequence[int]
    posted: int
    to_come: int
    foreseen: int = 0
    """What the next period will cost, if somebody asked for it."""

    @property
    def title(self) -> str:
        """Return the name of the limit within a sentence."""
        return f"project “{self.project.name}”" if self.project else "the organization"

    @property
    def spent(self) -> Money:
        """Return the charges posted in the period and the renewals that are still to come in it."""
        return _money(self.posted + self.to_come)

    @property
    def posted_money(self) -> Money:
        return _money(self.posted)

    @property
    def to_come_money(self) -> Money:
        return _money(self.to_come)

    @property
    def foreseen_money(self) -> Money:
        return _money(self.foreseen)

    @property
    def limit(self) -> Money | None:
        return None if self.amount is None else _money(self.amount)

    @property
    def distance(self) -> Money | None:
        """Return what is left of the limit, or by how much it is passed; None without a limit."""
        return None if self.amount is None else _money(abs(self.amount - self.spent.amount))

    @property
    def percent(self) -> int | None:
        """Return the spend in whole percent of the limit, rounded down; None without a limit."""
        return self.spent.amount * 100 // self.amount if self.amount else None

    @property
    def is_passed(self) -> bool:
        return self.amount is not None and self.spent.amount > self.amount

    @property
    def posted_share(self) -> int:
        """Return what is posted in percent of the limit or, past it, of what is spent."""
        return self.posted * 100 // max(self.amount or 0, self.spent.amount, 1)

    @property
    def to_come_share(self) -> int:
        """Return what is to come in percent of the limit or, past it, of what is spent."""
        return self.to_come * 100 // max(self.amount or 0, self.spent.amount, 1)

    def reached_by(self, spent: Money) -> list[int]:
        """Return the thresholds that such a spend reaches."""
        if self.amount is None:
            return []
        return thresholds_reached(spent=spent.amount, limit=self.amount, alerts=self.alerts)


@dataclass(frozen=True, slots=True)
class LimitEffect:
    """A limit, and the cost of a purchase in the present period."""

    state: LimitState
    cost: Money

    @property
    def spent_after(self) -> Money:
        return self.state.spent + self.cost

    @property
    def is_exceeded(self) -> bool:
        """Return whether it passes the limit, hard or soft. At exactly the limit it does not."""
        return self.state.amount is not None and self.spent_after.amount > self.state.amount

    @property
    def refusal(self) -> SpendLimitExceeded | None:
        """Return the refusal of a hard limit that is exceeded, or None."""
        if not (self.is_exceeded and self.state.is_hard):
            return None
        return SpendLimitExceeded(
            f"The spend limit of {self.state.title} is {self.state.limit} a period. "
            f"{self.state.spent} of it is spent or committed, and this purchase adds {self.cost}. "
            "Buy fewer units, or ask an owner to raise the limit."
        )


@dataclass(frozen=True, slots=True)
class Limits:
    """All limits of an organization in one period: its own, and that of each project."""

    period: Period
    next_period: Period
    organization: LimitState
    projects: Sequence[LimitState] = field(default_factory=list)


def limits(organization: Organization, *, on: date, foresees: bool = False) -> Limits:
    """Return the limits with the spend of the period that contains the service day `on` (R10).

    Every project has a state, with or without a limit, the default project first. With `foresees`
    they also have what the next period will cost at standard rates, if nobody changes anything:
    known ends and the hard limits themselves taken into account (R22).
    """
    present = standing(organization, on)
    this_period, next_period = present.periods(2)
    stored = {limit.project_id: limit for limit in present.limits}
    to_come = renewals_by_project(organization, present, [this_period])
    coming: Mapping[int, int] = {}
    if foresees:
        both = [this_period, next_period]
        coming = renewals_by_project(organization, present, both, present.hard_limits(both))

    def state(project: Project | None) -> LimitState:
        key = project.pk if project else None
        counted = (_sum(amounts, key) for amounts in (present.posted, to_come, coming))
        return _state(stored.get(key), project, *counted)

    rows = Project.objects.filter(organization=organization).order_by("-is_default", "name")
    return Limits(
        period=this_period,
        next_period=next_period,
        organization=state(None),
        projects=[state(project) for project in rows],
    )


def find_limit(organization: Organization, project_id: str | None, *, on: date) -> LimitState:
    """Return the limit of a project, or the organization's own. Raises NotFound (R18)."""
    states = limits(organization, on=on)
    if project_id is None:
        return states.organization
    for state in states.projects:
        if state.project and state.project.public_id == project_id:
            return state
    raise NotFound.field("project", f"There is no project “{project_id}”.")


def effects_of_purchase(
    organization: Organization, present: Standing, *, project_id: str | None, cost: Money
) -> list[LimitEffect]:
    """Return the effect of a purchase on each limit that it counts against (R10).

    `project_id` is a public id; None is the default project. `cost` is what is due in the present
    period.
    """
    concerned = [
        limit
        for limit in present.limits
        if limit.amount is not None and (limit.project is None or _is(limit.project, project_id))
    ]
    if not concerned:
        return []
    to_come = renewals_by_project(organization, present, [present.period])
    return [
        LimitEffect(
            _state(
                limit,
                limit.project,
                _sum(present.posted, limit.project_id),
                _sum(to_come, limit.project_id),
            ),
            cost,
        )
        for limit in concerned
    ]


def renewals_by_project(
    organization: Organization,
    present: Standing,
    periods: Sequence[Period],
    limits: HardLimits | None = None,
) -> Mapping[int, int]:
    """Return the renewals to come in the last of the periods, in minor units, by project."""
    renewals = connected_seller().renewals_to_come(
        organization=organization,
        on=present.on,
        until=periods[-1].end,
        order_forms=present.form_spans,
        limits=limits,
    )
    amounts: defaultdict[int, int] = defaultdict(int)
    for renewal in renewals:
        days = (renewal.end - max(renewal.start, periods[-1].start)).days
        amounts[renewal.project] += renewal.units * renewal.price_per_day * max(days, 0)
    return amounts


def _is(project: Project, project_id: str | None) -> bool:
    return project.public_id == project_id if project_id else project.is_default


def _sum(amounts: Mapping[int, int], project: int | None) -> int:
    """Return the amount of a project, or of all."""
    return sum(amounts.values()) if project is None else amounts.get(project, 0)


def _state(
    limit: SpendLimit | None, project: Project | None, posted: int, to_come: int, foreseen: int = 0
) -> LimitState:
    return LimitState(
        project=project,
        amount=limit.amount if limit else None,
        is_hard=limit.is_hard if limit else True,
        alerts=limit.alerts if limit else default_alerts(),
        posted=posted,
        to_come=to_come,
        foreseen=foreseen,
    )


def _money(amount: int) -> Money:
    return Money(amount, settings.CURRENCY)
