"""Closing windows: what is stored, and how an outage is caught up (R14)."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest

from capacity.models import TokenUnit
from capacity.usage.domain.windows import MINUTE
from capacity.usage.models import OrganizationUsage, UsageDay, UsageMinute, UsageWindow
from capacity.usage.operations.events import UsageEvent, record_usage
from capacity.usage.operations.windows import close_due_windows
from tests.cast import GROK, Acme, at

pytestmark = pytest.mark.django_db

NOON = at("2026-01-10")


def _send(acme: Acme, events: Sequence[UsageEvent], now: datetime) -> None:
    record_usage(organization=acme.organization, events=events, now=now, received_on=now.date())


def test_days_are_the_sums_of_closed_windows_and_minutes_of_open_ones_are_left(
    acme: Acme,
) -> None:
    events = [
        UsageEvent(f"{minute}", NOON + minute * MINUTE, GROK, 1_000, 10) for minute in range(60)
    ]
    _send(acme, events, NOON + timedelta(minutes=59))
    assert not UsageDay.objects.exists()
    _send(acme, [], NOON + timedelta(minutes=119))
    assert UsageWindow.objects.count() == 3
    [day] = UsageDay.objects.all()
    assert (day.requests, day.input_tokens, day.output_tokens) == (45, 45_000, 450)
    assert UsageMinute.objects.count() == 60


def test_after_an_outage_each_day_is_closed_for_itself(acme: Acme) -> None:
    OrganizationUsage.objects.create(
        organization=acme.organization, closed_until=at("2026-01-07", "00:00")
    )
    minute = {"organization": acme.organization, "project_id": 1, "pool_id": 0, "opted_out": False}
    minute |= {"requests": 1, "input_tokens": 5, "cached_tokens": 0, "output_tokens": 0}
    snapshot = TokenUnit.objects.filter(snapshot__model=GROK)[0].snapshot_id
    for day in ("2026-01-07", "2026-01-08", "2026-01-10"):
        UsageMinute.objects.create(minute=at(day), snapshot_id=snapshot, **minute)
    broken = UsageMinute.objects.filter(minute=at("2026-01-10"))
    broken.update(snapshot_id=10**9)  # Which does not exist.
    with pytest.raises(KeyError):
        close_due_windows(acme.organization, now=at("2026-01-12"))
    assert [row.day.day for row in UsageDay.objects.order_by("day")] == [7, 8]
    broken.update(snapshot_id=snapshot)
    assert close_due_windows(acme.organization, now=at("2026-01-12")) == at("2026-01-11", "00:00")
    assert [row.day.day for row in UsageDay.objects.order_by("day")] == [7, 8, 10]


def test_units_that_ended_cover_nothing_although_their_day_was_not_opened_in_time(
    acme: Acme,
) -> None:
    lot = acme.lot(acme.buys("2026-01-05", input=1))
    acme.cancels(lot, 1, "2026-01-05")
    ended_at = at("2026-02-04", "00:00")
    for before in (True, False):  # Clocks differ: it was admitted on the new day.
        event = UsageEvent(f"{before}", ended_at - before * MINUTE, GROK, 1_000, 0)
        _send(acme, [event], ended_at - timedelta(seconds=30))
    assert acme.organization.opened_until == ended_at.date()
    close_due_windows(acme.organization, now=ended_at + timedelta(hours=2))
    covered = UsageWindow.objects.order_by("starts_at").values_list("covered_input", flat=True)
    assert list(covered) == [1_000, 0]
