"""Setting spend limits, and alerting when spend reaches their thresholds (R10)."""

from collections.abc import Sequence
from datetime import date, datetime

from accounts.models import Organization
from accounts.operations.audit import Actor
from accounts.operations.changes import organization_change
from accounts.operations.emails import enqueue_emails
from accounts.queries.projects import find_project
from billing.domain.money import Money
from billing.domain.periods import Period
from billing.models import SpendAlert, SpendLimit
from billing.queries.limits import LimitEffect, Limits, LimitState, limits
from common.conditions import any_of
from common.errors import InvalidRequest
from common.instants import midnight


def set_spend_limit(
    *,
    organization: Organization,
    project_id: str | None,
    amount: Money | None,
    is_hard: bool,
    alerts: Sequence[int],
    by: Actor,
    now: datetime,
) -> Limits:
    """Set the limit of the organization, or of a project; return all limits as they are now (R10).

    `amount` None is no limit. A limit below what is spent already refuses from now on. Raises
    NotFound for a project of another organization (R18), InvalidRequest for a new limit of an
    archived project: one that it has can be changed, because its units go on.
    """
    with organization_change(organization=organization, by=by, now=now) as change:
        project = find_project(change.organization, project_id) if project_id else None
        limit = SpendLimit.objects.filter(
            organization=change.organization, project=project
        ).first() or SpendLimit(organization=change.organization, project=project)
        if project and project.is_archived and amount and limit.amount is None:
            raise InvalidRequest.field(
                "project", f"Project “{project}” is archived and takes no new limit."
            )
        before = _document(limit) if limit.pk else None
        limit.amount = amount.amount if amount else None
        limit.is_hard = is_hard
        limit.alerts = sorted(set(alerts))
        limit.full_clean(validate_unique=False, validate_constraints=False)
        limit.save()
        change.record(
            "limit.set",
            (project or change.organization).public_id,
            before=before,
            after=_document(limit),
        )
        raise_alerts(organization=change.organization, on=change.today, at=change.now)
        return limits(change.organization, on=change.today)


def _document(limit: SpendLimit) -> dict[str, object]:
    return {"amount": limit.amount, "hard": limit.is_hard, "alerts": limit.alerts}


def raise_alerts(*, organization: Organization, on: date, at: datetime) -> None:
    """Alert about each threshold that the present period's spend has reached, once (R10).

    Whatever changes the spend or a limit calls it, in its own transaction.
    """
    if not SpendLimit.objects.filter(organization=organization, amount__isnull=False).exists():
        return
    present = limits(organization, on=on)
    states = [present.organization, *present.projects]
    _tell(organization, [(state, state.spent) for state in states], present.period, at)


def raise_alerts_of_purchase(
    *, organization: Organization, effects: Sequence[LimitEffect], period: Period, at: datetime
) -> None:
    """Alert about each threshold that a purchase reaches, like `raise_alerts` (R10).

    `effects` are those of its quote: no other limit has changed, so nothing is counted anew.
    """
    _tell(organization, [(effect.state, effect.spent_after) for effect in effects], period, at)


def _tell(
    organization: Organization,
    spends: Sequence[tuple[LimitState, Money]],
    period: Period,
    at: datetime,
) -> None:
    reached = [
        SpendAlert(
            organization=organization,
            project=state.project,
            period_start=period.start,
            percent=percent,
            at=at,
            limit_amount=state.amount or 0,
            spent=spent.amount,
        )
        for state, spent in spends
        for percent in state.reached_by(spent)
    ]
    if not reached:
        return
    alerts = SpendAlert.objects.filter(organization=organization, period_start=period.start)
    told = set(alerts.values_list("project_id", "percent"))
    new = [alert for alert in reached if (alert.project_id, alert.percent) not in told]
    for alert in SpendAlert.objects.bulk_create(new):
        enqueue_emails(kind="spend_alert", about={organization.pk: alert.public_id}, now=at)


def raise_alerts_of_day(*, organizations: Sequence[int], on: date) -> None:
    """Raise the alerts of organizations, given by primary key, at the opening of `on` (R10)."""
    if not organizations:
        return
    rows = Organization.objects.filter(any_of("pk", organizations)).select_related("billing")
    for organization in rows.order_by("pk"):
        raise_alerts(organization=organization, on=on, at=midnight(on))
