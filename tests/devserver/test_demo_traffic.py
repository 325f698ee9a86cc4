"""The demo's requests: they go on while `make run` runs, and after a pause there is no hole."""

from datetime import datetime, timedelta
from importlib import import_module

import pytest
from django.utils import timezone

from accounts.operations.projects import create_project
from capacity.usage.domain.windows import WINDOW, window_of
from capacity.usage.models import OrganizationUsage, UsageDay, UsageMinute, UsageWindow
from scaletier.celery import app
from scaletier.devserver import live_traffic, processes
from scaletier.devserver.demo_traffic import (
    ASSISTANT,
    BATCH,
    NORTHWIND_OWNER,
    add_requests,
    continue_traffic,
)
from tests.cast import Acme

PAUSE = timedelta(hours=3, minutes=7)


def windows_without_requests(start: datetime, end: datetime) -> list[datetime]:
    closed = set(UsageWindow.objects.values_list("starts_at", flat=True))
    still_open = {window_of(at) for at in UsageMinute.objects.values_list("minute", flat=True)}
    count = (end - start) // WINDOW
    windows = [start + number * WINDOW for number in range(count)]
    return [window for window in windows if window not in closed | still_open]


@pytest.mark.django_db
def test_requests_go_on_live_and_over_a_pause(acme: Acme) -> None:
    now = timezone.now()
    live_traffic.add_live_requests(10)
    assert not UsageMinute.objects.exists(), "there is no demo customer"
    acme.alice.person.email = NORTHWIND_OWNER
    acme.alice.person.save()
    for name in (ASSISTANT, BATCH):
        create_project(organization=acme.organization, name=name, by=acme.alice, now=now)
    start = window_of(now - PAUSE)  # When the product was stopped.
    OrganizationUsage.objects.create(organization=acme.organization, closed_until=start - WINDOW)
    add_requests(acme.organization, now=start, seconds=10)
    continue_traffic(acme.organization, now=now)
    assert windows_without_requests(start, now) == []
    requests = UsageMinute.objects.filter(minute__gte=now - timedelta(minutes=5))
    before = sum(requests.values_list("requests", flat=True))
    continue_traffic(acme.organization, now=now)
    assert sum(requests.values_list("requests", flat=True)) == before, "nothing counts twice"
    live_traffic.add_live_requests(10)
    assert sum(requests.values_list("requests", flat=True)) > before
    assert not UsageDay.objects.filter(late_input__gt=0).exists()


def test_only_the_demo_has_live_traffic() -> None:
    commands = processes.of_product(with_demo=True)
    for name in ("worker", "beat"):
        assert f"-A {processes.DEMO_CELERY} {name}" in commands[name]
    assert processes.DEMO_CELERY not in str(processes.of_product(with_demo=False))
    task = live_traffic.add_live_requests.name
    assert task not in [entry["task"] for entry in app.conf.beat_schedule.values()]
    before = app.conf.include, app.conf.beat_schedule
    try:
        import_module(processes.DEMO_CELERY)
        assert task in [entry["task"] for entry in app.conf.beat_schedule.values()]
        assert task.rpartition(".")[0] in app.conf.include
    finally:
        app.conf.include, app.conf.beat_schedule = before
