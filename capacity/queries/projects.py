"""Projects with what they hold and what they spend."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from django.conf import settings
from django.db.models import Sum

from accounts.models import Organization, Project
from billing.domain.money import Money
from billing.domain.periods import Period
from billing.queries.limits import renewals_by_project
from billing.queries.standing import standing
from capacity.models import Kind
from capacity.queries.active_capacity import TPM
from capacity.queries.catalogue import KIND_ORDER
from capacity.queries.lots import active_lots


@dataclass(frozen=True, slots=True)
class Holding:
    """The active units of one kind of one snapshot that count for a project."""

    model: str
    kind: Kind
    units: int
    tpm: int


@dataclass(frozen=True, slots=True)
class ProjectState:
    """A project, what it holds now, and what it spends in the present period (R10)."""

    project: Project
    holdings: Sequence[Holding]
    spent: Money
    """What is posted in the period, and the renewals that are still to come in it."""


@dataclass(frozen=True, slots=True)
class ProjectStates:
    """Projects in the present period."""

    period: Period
    projects: Sequence[ProjectState]


def project_states(
    organization: Organization, projects: Iterable[Project], *, on: date
) -> ProjectStates:
    """Return what the projects hold and spend on the service day `on`, in the given order."""
    rows = list(projects)
    holdings = _holdings(organization, rows)
    present = standing(organization, on)
    posted = present.posted
    to_come = renewals_by_project(organization, present, [present.period])
    return ProjectStates(
        period=present.period,
        projects=[
            ProjectState(
                row,
                holdings[row.pk],
                Money(posted.get(row.pk, 0) + to_come.get(row.pk, 0), settings.CURRENCY),
            )
            for row in rows
        ],
    )


def holdings_of(organization: Organization, project: Project) -> Sequence[Holding]:
    """Return the active units that count for a project, by snapshot and kind."""
    return _holdings(organization, [project])[project.pk]


def _holdings(
    organization: Organization, projects: Sequence[Project]
) -> defaultdict[int, list[Holding]]:
    """Return the active units by the primary key of their project, in the order of R10's kinds."""
    rows = (
        active_lots(organization)
        .filter(project__in=projects)
        .values("project_id", "snapshot__model", "kind")
        .annotate(total_units=Sum("active_units"), total_tpm=TPM)
    )
    holdings: defaultdict[int, list[Holding]] = defaultdict(list)
    for row in sorted(
        rows, key=lambda row: (row["snapshot__model"], KIND_ORDER[Kind(row["kind"])])
    ):
        holdings[row["project_id"]].append(
            Holding(
                model=row["snapshot__model"],
                kind=Kind(row["kind"]),
                units=row["total_units"],
                tpm=row["total_tpm"],
            )
        )
    return holdings
