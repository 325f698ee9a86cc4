"""What one more unit would have done for an exhausted window, and in the last 30 days (R14)."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.db.models import BigIntegerField, Count, F, OuterRef, Q, Subquery, Sum, Value
from django.db.models.functions import Least

from accounts.models import Organization
from billing.domain.money import Money
from capacity.models import TokenUnit
from capacity.queries.catalogue import prices_in_force
from capacity.usage.domain.windows import MINUTES_OF_WINDOW
from capacity.usage.models import ExhaustedWindow

LAST_30_DAYS = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class OneMoreUnit:
    """What one more unit, as it is sold today, would have done. Tokens are weighted."""

    allowance: int
    price: Money | None
    """For a unit and day at standard rates; None if no price is in force."""
    tokens: int
    """Tokens of the window that it would have covered."""
    needed: int
    """The units that would have covered the window whole."""
    exhausted: int
    """Windows of the pool that closed exhausted in the last 30 days."""
    covered_windows: int
    covered_tokens: int


def one_more_unit(
    organization: Organization, window: ExhaustedWindow, *, now: datetime
) -> OneMoreUnit | None:
    """Return what one more unit would have done; None if units of the kind are not sold.

    `now` is the organization's time, with which the last 30 days end.
    """
    unit = _unit(window, now.date())
    if unit is None:
        return None
    allowance = unit.tpm * MINUTES_OF_WINDOW
    sums = _last_30_days(organization, window, allowance, now)
    return OneMoreUnit(
        allowance=allowance,
        price=None if unit.amount is None else Money(unit.amount, unit.currency),
        tokens=min(window.over, allowance),
        needed=-(-window.over // allowance),
        exhausted=sums["exhausted"],
        covered_windows=sums["whole"],
        covered_tokens=int(sums["tokens"]),
    )


def _unit(window: ExhaustedWindow, on: date) -> Any:
    """Return the unit as it is sold on a day, with its `amount` and `currency`; None if not."""
    in_force = prices_in_force(on).filter(token_unit=OuterRef("pk"))
    return (
        TokenUnit.objects.filter(snapshot=window.snapshot_id, kind=window.kind)
        .annotate(
            amount=Subquery(in_force.values("amount")[:1]),
            currency=Subquery(in_force.values("currency")[:1]),
        )
        .first()
    )


def _last_30_days(
    organization: Organization, window: ExhaustedWindow, allowance: int, now: datetime
) -> dict[str, Any]:
    """Return what so much more allowance would have done for exhausted windows like this one."""
    over = F("used") - F("allowance")
    covered = Least(over, Value(allowance), output_field=BigIntegerField())
    return ExhaustedWindow.objects.filter(
        organization=organization,
        starts_at__gt=now - LAST_30_DAYS,
        snapshot=window.snapshot_id,
        pool_id=window.pool_id,
        kind=window.kind,
    ).aggregate(
        exhausted=Count("starts_at"),
        whole=Count("starts_at", filter=Q(used__lte=F("allowance") + allowance)),
        tokens=Sum(covered, default=0),
    )
