"""How long usage is kept, in partitions and beside them, by the clocks of organizations (R14)."""

from datetime import UTC, date, datetime

import pytest
from django.db import connection
from django.utils import timezone

from accounts.models import Organization
from capacity.models import Snapshot
from capacity.usage.models import (
    ExhaustedWindow,
    OrganizationUsage,
    UsageDay,
    UsageDemand,
    UsageEvent,
    UsageMinute,
    UsageWindow,
)
from capacity.usage.operations.retention import keep_usage
from tests.cast import GROK, make_acme

pytestmark = pytest.mark.django_db

NOW = timezone.now()
TABLES = ("usage_usageevent", "usage_usageminute", "usage_usagewindow", "usage_exhaustedwindow")


def month(ago: int, day: int = 1) -> datetime:
    """An instant in the month that was so many months ago, by the real clock."""
    years, months = divmod(NOW.year * 12 + NOW.month - 1 - ago, 12)
    return datetime(years, months + 1, day, 12, tzinfo=UTC)


def customer(*, closed_until: datetime, clock: datetime | None = None) -> Organization:
    organization = make_acme(is_sandbox=clock is not None).organization
    if clock:
        organization.clock_at = clock
        organization.save()
    OrganizationUsage.objects.create(organization=organization, closed_until=closed_until)
    return organization


def used(organization: Organization, at: datetime) -> None:
    """Store an id, a minute, a window, an exhausted one and a day of this time."""
    snapshot = Snapshot.objects.get(model=GROK)
    group = {"organization": organization, "snapshot": snapshot, "pool_id": 0}
    counted = {**group, "project_id": 1, "opted_out": False, "requests": 1, "input_tokens": 5}
    counted |= {"cached_tokens": 0, "output_tokens": 0}
    covered = {name: 0 for name in UsageWindow.SUMS if name not in counted}
    UsageEvent.objects.create(
        organization=organization, event_id=str(at), received_in=at.date().replace(day=1)
    )
    UsageMinute.objects.create(minute=at, **counted)
    UsageWindow.objects.create(starts_at=at, **counted, **covered)
    ExhaustedWindow.objects.create(starts_at=at, kind="input", allowance=1, used=5, **group)
    UsageDay.objects.create(day=at.date(), **counted, **covered)


def add_partition(table: str, first: datetime) -> None:
    """Make the partition of a month, as it was made when that month was near."""
    starts_on, ends_on = first.date(), date(first.year + first.month // 12, first.month % 12 + 1, 1)
    with connection.cursor() as cursor:
        cursor.execute(
            f"CREATE TABLE {table}_{starts_on:%Y%m} PARTITION OF {table}"
            f" FOR VALUES FROM ('{starts_on}') TO ('{ends_on}')"
        )


def partitions() -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT relname FROM pg_class WHERE relname ~ '^usage_[a-z]+_[0-9]{6}$'")
        return {name for (name,) in cursor.fetchall()}


def months_kept(organization: Organization) -> dict[str, list[int]]:
    """How many months ago the rows are that an organization still has."""

    def ago(value: date) -> int:
        return (NOW.year - value.year) * 12 + NOW.month - value.month

    return {
        name: [ago(value) for value in rows.order_by(f"-{column}").values_list(column, flat=True)]
        for name, column, rows in (
            ("ids", "received_in", UsageEvent.objects.filter(organization=organization)),
            ("minutes", "minute", UsageMinute.objects.filter(organization=organization)),
            ("windows", "starts_at", UsageWindow.objects.filter(organization=organization)),
            ("exhausted", "starts_at", ExhaustedWindow.objects.filter(organization=organization)),
            ("days", "day", UsageDay.objects.filter(organization=organization)),
        )
    }


MONTHS = [1, 2, 3, 13, 14, 15, 27, 28]


@pytest.mark.parametrize("in_partitions", [True, False])
def test_each_row_is_kept_for_its_time_by_the_clock_of_its_organization(
    catalogue: None, in_partitions: bool
) -> None:
    made = partitions()
    if in_partitions:
        for table in TABLES:
            for ago in MONTHS:
                add_partition(table, month(ago))
    on_time = customer(closed_until=NOW)
    after_outage = customer(closed_until=month(3))
    sandbox = customer(closed_until=month(14, 20), clock=month(14, 20))
    for organization in (on_time, after_outage, sandbox):
        for ago in MONTHS:
            used(organization, month(ago, 10))
    demand = list(UsageDemand.objects.order_by("pk").values())
    keep_usage(now=NOW)
    by_the_real_clock = {
        "ids": [1, 2],
        "minutes": [1],
        "windows": [1, 2, 3, 13],
        "exhausted": [1, 2, 3, 13],
        "days": MONTHS,
    }
    assert months_kept(on_time) == by_the_real_clock
    assert months_kept(after_outage) == {**by_the_real_clock, "minutes": [1, 2, 3]}
    assert months_kept(sandbox) == {
        "ids": [1, 2],
        "minutes": [1, 2, 3, 13, 14, 15],
        "windows": [1, 2, 3, 13, 14, 15, 27],
        "exhausted": [1, 2, 3, 13, 14, 15, 27],
        "days": MONTHS,
    }
    assert list(UsageDemand.objects.order_by("pk").values()) == demand, "nothing counts twice"
    assert keep_usage(now=NOW) == 0
    assert len(partitions() - made) == (2 + 1 + 4 + 4 if in_partitions else 0)


def test_partitions_are_made_ahead(db: None) -> None:
    made = partitions()
    assert len(made) == 2 * len(TABLES)
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TABLE {min(made)}")
    assert keep_usage(now=NOW) == 1
    assert partitions() == made
