"""Alerts about usage: windows and days are looked at once, in order, under one lock.

They are looked at after they have closed, so that whatever is found never changes. Each alert is
unique in the database; the place up to which was looked is stored in the same transaction.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models import Max

from accounts.models import Organization
from accounts.operations.audit import Actor
from accounts.operations.changes import organization_change
from accounts.operations.emails import enqueue_email_to_each
from accounts.queries.members import owners
from capacity.usage.domain.alerts import nth_of_each_day, runs_reaching
from capacity.usage.domain.callouts import DaySpan, last_closed_days
from capacity.usage.domain.windows import WINDOW, closed_until
from capacity.usage.models import (
    AlertRule,
    UsageAlert,
    UsageAlertSettings,
    UsageMail,
    UsageMailOptOut,
)
from capacity.usage.operations.windows import close_due_windows
from capacity.usage.queries.callouts import callouts, idle_holdings
from capacity.usage.queries.entitlement import Holding
from capacity.usage.queries.holdings import (
    UsedWindow,
    exhausted_windows,
    held_lots,
    windows_above,
)
from common.instants import midnight, rfc3339
from common.texts import is_mailable

SECOND = timedelta(seconds=1)
DAY = timedelta(days=1)
WEEK = timedelta(days=7)


def raise_usage_alerts(organization: Organization, *, now: datetime) -> int:
    """Look at every window and day that has closed by `now`, the organization's time.

    Return the number of new alerts. Repeating it does nothing. It does nothing either while another
    process looks at the same organization.
    """
    close_due_windows(organization, now=now)
    with transaction.atomic(durable=True):
        rows = UsageAlertSettings.objects.select_for_update(skip_locked=True)
        chosen = rows.filter(organization=organization).first()
        return _look(organization, chosen, now) if chosen else 0


def set_usage_alerts(
    *,
    organization: Organization,
    percent: int | None,
    windows_in_a_row: int,
    exhausted_windows: int | None,
    idle_days: int | None,
    by: Actor,
    now: datetime,
) -> UsageAlertSettings:
    """Set the rules of an organization; one whose number is None is off.

    Windows that have closed by `now` are still looked at by the rules in force until then. Raises
    ValidationError for a number that is out of range.
    """
    close_due_windows(organization, now=now)
    with organization_change(organization=organization, by=by, now=now) as change:
        chosen = _lock_settings(change.organization, now)
        _look(change.organization, chosen, now)
        before = _document(chosen)
        of_windows = (chosen.percent, chosen.windows_in_a_row, chosen.exhausted_windows)
        if of_windows != (percent, windows_in_a_row, exhausted_windows):
            chosen.counts_from = closed_until(now)
        if chosen.idle_days != idle_days:
            chosen.days_until -= DAY  # What is idle today is told today.
        chosen.percent = percent
        chosen.windows_in_a_row = windows_in_a_row
        chosen.exhausted_windows = exhausted_windows
        chosen.idle_days = idle_days
        chosen.full_clean(validate_unique=False, validate_constraints=False)
        chosen.save()
        change.record(
            "usage_alerts.set",
            change.organization.public_id,
            before=before,
            after=_document(chosen),
        )
    return chosen


def watch_organizations(organizations: Iterable[tuple[Organization, datetime]]) -> None:
    """Make the settings of organizations that have none, each at its own time.

    All rules are off, and what has closed before is not looked at.
    """
    UsageAlertSettings.objects.bulk_create(
        (
            UsageAlertSettings(
                organization=organization,
                counts_from=closed_until(now),
                evaluated_until=closed_until(now),
                days_until=last_closed_days(now).end - DAY,
            )
            for organization, now in organizations
        ),
        ignore_conflicts=True,
    )


def _lock_settings(organization: Organization, now: datetime) -> UsageAlertSettings:
    watch_organizations([(organization, now)])
    return UsageAlertSettings.objects.select_for_update().get(organization=organization)


def _document(chosen: UsageAlertSettings) -> dict[str, Any]:
    return {
        "utilisation_percent": chosen.percent,
        "windows_in_a_row": chosen.windows_in_a_row if chosen.percent else None,
        "exhausted_windows": chosen.exhausted_windows,
        "idle_days": chosen.idle_days,
    }


# --- Looking ------------------------------------------------------------------------------------


def _look(organization: Organization, chosen: UsageAlertSettings, now: datetime) -> int:
    """Look at what has closed since the last time, and store up to where."""
    assert connection.in_atomic_block, "alerts are stored with the place up to which was looked"
    until, today = closed_until(now), last_closed_days(now).end
    found: list[UsageAlert] = []
    if chosen.evaluated_until < until:
        found += _of_utilisation(organization, chosen, until)
        found += _of_exhausted_windows(organization, chosen, until)
        chosen.evaluated_until = until
    if chosen.days_until < today:
        found += _of_idle_units(organization, chosen, today, now)
        _enqueue_summary(organization, chosen, today, now)
        chosen.days_until = today
    chosen.save()
    if found:
        _store(found, organization, now)
    return len(found)


def _store(alerts: Sequence[UsageAlert], organization: Organization, now: datetime) -> None:
    """Store alerts that were found together, and enqueue the email that tells of them.

    Together is what has the same `at`. Another look may come in the same second, in a sandbox at
    any time since its clock stands still: what it finds counts as found a second later.
    """
    at = now.replace(microsecond=0)
    before = UsageAlert.objects.filter(organization=organization, at__gte=at)
    if latest := before.aggregate(latest=Max("at"))["latest"]:
        at = latest + SECOND
    for alert in alerts:
        alert.organization, alert.at = organization, at
    UsageAlert.objects.bulk_create(alerts, ignore_conflicts=True)
    _enqueue(organization, UsageMail.ALERTS, rfc3339(at), now)


def _of_utilisation(
    organization: Organization, chosen: UsageAlertSettings, until: datetime
) -> Iterator[UsageAlert]:
    """Yield an alert for each run of windows that has become as long as the rule says."""
    if not chosen.percent:
        return
    since, length = chosen.evaluated_until, chosen.windows_in_a_row
    above = windows_above(
        organization,
        percent=chosen.percent,
        start=max(chosen.counts_from, since - length * WINDOW),
        end=until,
    )
    for holding, windows in above.items():
        for window in runs_reaching(windows, length):
            if window >= since:
                alert = _alert(AlertRule.UTILISATION, holding, window, windows[window])
                alert.number, alert.percent = length, chosen.percent
                yield alert


def _of_exhausted_windows(
    organization: Organization, chosen: UsageAlertSettings, until: datetime
) -> Iterator[UsageAlert]:
    """Yield an alert for each day that has had as many exhausted windows as the rule says."""
    if not chosen.exhausted_windows:
        return
    since, number = chosen.evaluated_until, chosen.exhausted_windows
    start = max(chosen.counts_from, midnight(since.date()))
    for holding, windows in exhausted_windows(organization, start=start, end=until).items():
        for window in nth_of_each_day(windows, number):
            if window >= since:
                alert = _alert(AlertRule.EXHAUSTED, holding, window, windows[window])
                alert.number = number
                yield alert


def _alert(rule: AlertRule, holding: Holding, window: datetime, use: UsedWindow) -> UsageAlert:
    snapshot, pool, kind = holding
    return UsageAlert(
        rule=rule,
        snapshot_id=snapshot,
        pool_id=pool,
        kind=kind,
        starts_at=window,
        used=use.used,
        allowance=use.allowance,
    )


def _of_idle_units(
    organization: Organization, chosen: UsageAlertSettings, today: date, now: datetime
) -> Iterator[UsageAlert]:
    """Yield an alert for each holding with idle units, unless one told of part of these days."""
    if not chosen.idle_days:
        return
    span = DaySpan(today - chosen.idle_days * DAY, today)
    told = set(
        UsageAlert.objects.filter(
            organization=organization, rule=AlertRule.IDLE, starts_at__gt=midnight(span.start)
        ).values_list("snapshot_id", "pool_id", "kind")
    )
    idle = idle_holdings(organization, held_lots(organization, on=now.date()), span=span)
    for holding in idle.keys() - told:
        snapshot, pool, kind = holding
        yield UsageAlert(
            rule=AlertRule.IDLE,
            snapshot_id=snapshot,
            pool_id=pool,
            kind=kind,
            starts_at=midnight(today),
            number=chosen.idle_days,
            units=sum(lot.units for lot in idle[holding]),
            per_day=sum(lot.per_day for lot in idle[holding]),
        )


def _enqueue_summary(
    organization: Organization, chosen: UsageAlertSettings, today: date, now: datetime
) -> None:
    """Enqueue the weekly summary if there is something to say, and none within the last 7 days."""
    is_due = chosen.summary_on is None or today - chosen.summary_on >= WEEK
    if is_due and callouts(organization, now=now):
        chosen.summary_on = today
        _enqueue(organization, UsageMail.SUMMARY, today.isoformat(), now)


def _enqueue(organization: Organization, mail: UsageMail, about: str, now: datetime) -> None:
    """Enqueue an email to each owner who wants it: each has a link of their own in it."""
    declined = UsageMailOptOut.objects.filter(organization=organization, mail=mail)
    wanting = owners(organization).filter(user__is_active=True)
    wanting = wanting.exclude(user__in=declined.values("user"))
    enqueue_email_to_each(
        {
            owner.user.email: f"{about} {owner.user.public_id}"
            for owner in wanting
            if is_mailable(owner.user.email)
        },
        organization=organization,
        kind=mail,
        now=now,
    )
