"""Usage alerts and their settings, as pages and emails show them."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, TypedDict

from django.conf import settings
from django.db.models import OuterRef, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce

from accounts.models import Organization, User
from billing.domain.money import Money
from capacity.models import Kind, Pool
from capacity.usage.domain.windows import WINDOW, window_id
from capacity.usage.models import (
    AlertRule,
    UsageAlert,
    UsageAlertSettings,
    UsageMail,
    UsageMailOptOut,
)
from capacity.usage.models.alerts import DEFAULT_RUN
from capacity.usage.queries.holdings import HoldingName
from common.days import last_day
from common.texts import counted

if TYPE_CHECKING:
    from django_stubs_ext import WithAnnotations


@dataclass(frozen=True, slots=True)
class Rules:
    """What an organization is alerted of. A rule whose number is None is off."""

    percent: int | None = None
    windows_in_a_row: int = DEFAULT_RUN
    exhausted_windows: int | None = None
    idle_days: int | None = None


@dataclass(frozen=True, slots=True)
class NamedAlert:
    """An alert with the name of the holding that it is about."""

    alert: UsageAlert
    of: HoldingName
    pool: str
    """The public id of the pool; empty if it does not exist yet."""

    @property
    def window(self) -> str:
        """Return the window that met the rule, as it stands in addresses."""
        return window_id(self.alert.starts_at)

    @property
    def per_day(self) -> Money:
        """Return what the idle units cost a day, at standard rates."""
        return Money(self.alert.per_day or 0, settings.CURRENCY)

    @property
    def text(self) -> str:
        """Return what happened, as a sentence that needs no more than the name of the holding."""
        alert = self.alert
        if alert.rule == AlertRule.IDLE:
            return (
                f"{counted(alert.units or 0, 'unit')} unused for {counted(alert.number, 'day')}, "
                f"to {last_day(alert.starts_at.date())} UTC: {self.per_day} a day at standard rates"
            )
        day, last = f"{alert.starts_at:%Y-%m-%d}", self._last
        if alert.rule == AlertRule.UTILISATION and alert.number > 1:
            in_a_row = f"in {alert.number} windows in a row, the last on {day}"
            return f"Above {alert.percent}% {in_a_row} {last}"
        if alert.rule == AlertRule.UTILISATION:
            return f"Above {alert.percent}% in the window on {day} {last}"
        if alert.number > 1:
            return f"{alert.number} windows on {day}, the last {last}"
        return f"The window on {day} {last}"

    @property
    def _last(self) -> str:
        """Return the times of the window that met the rule, and its tokens."""
        alert = self.alert
        used, allowance = alert.used or 0, alert.allowance or 1
        times = f"from {alert.starts_at:%H:%M} to {alert.starts_at + WINDOW:%H:%M} UTC"
        return f"{times}: {used:,} of {allowance:,} tokens, {used * 100 // allowance}%"


def rules_of(organization: Organization) -> Rules:
    """Return the rules that the owners chose; all are off if nobody has chosen."""
    chosen = UsageAlertSettings.objects.filter(organization=organization).first()
    if chosen is None:
        return Rules()
    return Rules(
        chosen.percent, chosen.windows_in_a_row, chosen.exhausted_windows, chosen.idle_days
    )


class OfPool(TypedDict):
    """What `usage_alerts` adds to an alert: its pool's public id, and its name.

    The name is empty for the default pool.
    """

    pool_key: str
    pool_name: str


def usage_alerts(
    organization: Organization,
) -> "QuerySet[WithAnnotations[UsageAlert, OfPool]]":
    """Return the alerts of an organization with their snapshots and the names of their pools."""
    own = Pool.objects.filter(organization=organization, snapshot=OuterRef("snapshot"))
    pool, default = own.filter(pk=OuterRef("pool_id")), own.filter(is_default=True)
    public_ids = (Subquery(rows.values("public_id")) for rows in (pool, default))
    return (
        UsageAlert.objects.filter(organization=organization)
        .select_related("snapshot")
        .annotate(
            pool_key=Coalesce(*public_ids, Value("")),
            pool_name=Coalesce(Subquery(pool.values("name")), Value("")),
        )
    )


def alerts_found_at(organization: Organization, at: datetime) -> list[NamedAlert]:
    """Return the alerts that were found together, by rule and holding."""
    rows = named(usage_alerts(organization).filter(at=at))
    order = list(AlertRule.values)
    return sorted(rows, key=lambda row: (order.index(row.alert.rule), row.of.order))


def named(alerts: "Iterable[WithAnnotations[UsageAlert, OfPool]]") -> list[NamedAlert]:
    """Return the alerts of `usage_alerts` with the names of their holdings, in the same order."""
    return [
        NamedAlert(
            row, HoldingName(row.snapshot.model, row.pool_name, Kind(row.kind)), row.pool_key
        )
        for row in alerts
    ]


def mails_wanted(organization: Organization, user: User) -> set[UsageMail]:
    """Return the emails about usage that an owner has not turned off."""
    declined = UsageMailOptOut.objects.filter(organization=organization, user=user)
    return set(UsageMail) - {UsageMail(mail) for mail in declined.values_list("mail", flat=True)}
