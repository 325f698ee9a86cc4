"""Clients that send the same events at once, and workers that close windows at once (R14)."""

import pytest
from django.db import connection
from django.utils import timezone

from accounts.models import OutboundEmail
from capacity.usage.models import (
    UsageAlert,
    UsageAlertSettings,
    UsageDay,
    UsageEvent,
    UsageMinute,
    UsageWindow,
)
from capacity.usage.operations import events as usage_events
from capacity.usage.operations.alerts import set_usage_alerts
from capacity.usage.operations.events import record_usage
from capacity.usage.operations.retention import keep_usage
from capacity.usage.operations.sweep import (
    close_due_windows_everywhere,
    raise_usage_alerts_everywhere,
)
from tests.cast import GROK, Acme, at, day, make_acme
from tests.concurrency.threads import run_at_once, run_in_queue

pytestmark = pytest.mark.django_db(transaction=True)

CLIENTS = 10


def send(acme: Acme, first: int, last: int, now: str = "12:30") -> usage_events.Recorded:
    return record_usage(
        organization=acme.organization,
        events=[
            usage_events.UsageEvent(f"{number}", at("2026-01-10"), GROK, 10, 1)
            for number in range(first, last)
        ],
        now=at("2026-01-10", now),
        received_on=day("2026-01-10"),
    )


def totals() -> tuple[int, int, int]:
    [row] = UsageDay.objects.all()
    return row.requests, row.input_tokens, row.covered_input


def test_ten_clients_that_send_overlapping_batches_count_each_event_once(acme: Acme) -> None:
    acme.buys("2026-01-10", input=1)
    results = run_at_once(
        *(lambda first=number * 50: send(acme, first, first + 100) for number in range(CLIENTS))
    )
    events = (CLIENTS + 1) * 50
    assert sum(result.accepted for result in results) == events
    assert sum(result.duplicates for result in results) == CLIENTS * 100 - events
    assert UsageEvent.objects.count() == events
    assert send(acme, 0, events, now="14:00").accepted == 0
    assert totals() == (events, events * 10, events * 10)


def test_workers_and_clients_close_a_window_once(acme: Acme) -> None:
    acme.buys("2026-01-10", input=1)
    send(acme, 0, 100)
    results = run_at_once(
        *(lambda: close_due_windows_everywhere(now=at("2026-01-10", "14:00")) for _ in range(4)),
        *(lambda: send(acme, 0, 100, now="14:00") for _ in range(4)),
    )
    assert not [result for result in results if isinstance(result, Exception)]
    assert UsageWindow.objects.count() == 1
    assert totals() == (100, 1_000, 1_000)


def test_workers_that_look_at_once_alert_once(acme: Acme) -> None:
    acme.buys("2026-01-02", output=1, input=1)
    set_usage_alerts(
        organization=acme.organization,
        percent=1,
        windows_in_a_row=1,
        exhausted_windows=1,
        idle_days=7,
        by=acme.alice,
        now=at("2026-01-10"),
    )
    over = usage_events.UsageEvent("large", at("2026-01-10"), GROK, 10**9, 1)
    now = at("2026-01-10", "14:00")
    record_usage(
        organization=acme.organization, events=[over], now=at("2026-01-10"), received_on=now.date()
    )
    UsageAlertSettings.objects.update(days_until=day("2026-01-09"))
    results = run_at_once(*(lambda: raise_usage_alerts_everywhere(now=now) for _ in range(6)))
    assert sorted(UsageAlert.objects.values_list("rule", "kind")) == [
        ("exhausted", "input"),
        ("idle", "input"),
        ("idle", "output"),
        ("utilisation", "input"),
    ]
    assert sum(results) == 4
    assert OutboundEmail.objects.filter(kind="usage_alerts").count() == 1
    assert OutboundEmail.objects.filter(kind="usage_summary").count() == 1


def test_an_organization_whose_windows_cannot_be_closed_delays_no_other(acme: Acme) -> None:
    globex = make_acme()
    for customer in (acme, globex):
        send(customer, 0, 10)
    of_acme = UsageMinute.objects.filter(organization=acme.organization)
    of_acme.update(snapshot_id=10**9)  # Which does not exist.
    close_due_windows_everywhere(now=at("2026-01-10", "14:00"))
    assert [row.organization for row in UsageDay.objects.all()] == [globex.organization]


def test_a_partition_is_attached_while_events_of_its_month_arrive(acme: Acme) -> None:
    """Nobody has made it in time: the default partition has them. None is lost or refused."""
    now = timezone.now()
    table = f"usage_usageminute_{now:%Y%m}"

    def count(number: int) -> usage_events.Recorded:
        return record_usage(
            organization=acme.organization,
            events=[usage_events.UsageEvent(f"{number}", now, GROK, 10, 1)],
            now=now,
            received_on=now.date(),
        )

    with connection.cursor() as cursor:
        cursor.execute(f"DROP TABLE {table}")
    count(1)
    minutes = UsageMinute.objects.filter(organization=acme.organization)
    results = run_in_queue(
        lambda: keep_usage(now=now),
        lambda: count(2),
        behind=lambda: UsageMinute.objects.bulk_create(
            UsageMinute(**{**row, "snapshot_id": 0}) for row in minutes.values()
        ),
    )
    assert results == [1, usage_events.Recorded(accepted=1)]
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT snapshot_id, requests FROM {table} ORDER BY 1")
        assert [requests for _, requests in cursor.fetchall()] == [1, 2]
