"""Usage: what counting events costs over a bare COPY, and what views cost for much traffic."""

import statistics
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from time import perf_counter
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection

from accounts.models import Organization
from capacity.models import Snapshot
from capacity.usage.domain.windows import MINUTE, closed_until
from capacity.usage.models import OrganizationUsage
from capacity.usage.operations.events import UsageEvent, record_usage
from capacity.usage.queries.usage import View, usage
from capacity.usage.serializers.events import read_event
from common.instants import rfc3339
from tests.cast import GROK, Acme, at

pytestmark = pytest.mark.django_db

NOW = at("2026-03-10")
EVENTS, ROUNDS = 10_000, 9
MODELS, DAYS = 18, 30


def test_counting_a_batch_costs_little_more_than_a_bare_copy(acme: Acme) -> None:
    """The floor: the same rows, as they come, copied into a table with one index."""
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE TABLE bare (organization_id bigint, id text PRIMARY KEY, at timestamptz,"
            " model text, input bigint, cached bigint, output bigint)"
        )
    copies, counts = [], []
    for _ in range(ROUNDS):
        batch = _batch()
        copies.append(_seconds(partial(_copy, acme.organization.pk, batch)))
        counts.append(_seconds(partial(_count, acme.organization, batch)))
    floor, counted = statistics.median(copies), statistics.median(counts)
    print(
        f"\n{EVENTS:,} events: read and counted in {counted * 1000:.0f} ms, a bare COPY takes "
        f"{floor * 1000:.0f} ms: {counted / floor:.2f} times"
    )


def test_thirty_days_are_read_like_fifteen_minutes(acme: Acme) -> None:
    """18 models with traffic in every one of 43,200 minutes; an hour of it is still open."""
    acme.buys("2026-01-10", input=1)
    _fill(acme.organization)
    seconds = {
        view: _seconds(partial(usage, acme.organization, view=view, now=NOW), 15) for view in View
    }
    ratio = seconds[View.DAYS] / seconds[View.MINUTES]
    print(
        f"\n{MODELS * DAYS * 1440:,} minutes of traffic: 30 days in {seconds[View.DAYS] * 1000:.0f}"
        f" ms, a day in {seconds[View.WINDOWS] * 1000:.0f} ms, 15 minutes in "
        f"{seconds[View.MINUTES] * 1000:.0f} ms: {ratio:.2f} times"
    )


def _batch() -> list[dict[str, Any]]:
    return [
        {
            "id": uuid4().hex,
            "at": rfc3339(NOW - number % 30 * MINUTE),
            "model": GROK,
            "input_tokens": 1_000 + number,
            "cached_tokens": number,
            "output_tokens": 100,
        }
        for number in range(EVENTS)
    ]


def _copy(organization: int, batch: list[dict[str, Any]]) -> None:
    columns = ("id", "at", "model", "input_tokens", "cached_tokens", "output_tokens")
    with connection.cursor() as cursor, cursor.copy("COPY bare FROM STDIN") as copy:
        for event in batch:
            copy.write_row((organization, *(event[name] for name in columns)))


def _count(organization: Organization, batch: list[dict[str, Any]]) -> None:
    events: list[UsageEvent | str] = [read_event(event) for event in batch]
    recorded = record_usage(
        organization=organization, events=events, now=NOW, received_on=NOW.date()
    )
    assert recorded.accepted == EVENTS


def _fill(organization: Organization) -> None:
    """Store 30 days as closed windows and days, and the last hour as minutes."""
    first_open = closed_until(NOW)
    OrganizationUsage.objects.create(organization=organization, closed_until=first_open)
    models = list(Snapshot.objects.order_by("pk").values_list("pk", flat=True)[:MODELS])
    project = organization.projects.get().pk
    start = first_open - timedelta(days=DAYS)
    with connection.cursor() as cursor:
        for table, column, first, last, step in (
            ("usage_usagewindow", "starts_at", start, first_open, "15 minutes"),
            ("usage_usageday", "day", start, first_open, "1 day"),
            ("usage_usageminute", "minute", first_open, NOW, "1 minute"),
        ):
            sums = ["requests", "input_tokens", "cached_tokens", "output_tokens"]
            if table != "usage_usageminute":
                sums += ["weighted_tokens", "covered_input", "covered_output", "covered_weighted"]
                sums += ["late_input", "late_output"]
            cursor.execute(
                f"INSERT INTO {table} (organization_id, {column}, snapshot_id, project_id, pool_id,"
                f" opted_out, {', '.join(sums)}) SELECT %s, at, snapshot, %s, 0, false,"
                f" {', '.join('100' for _ in sums)} FROM unnest(%s::bigint[]) snapshot,"
                f" generate_series(%s::timestamptz, %s::timestamptz, %s::interval) at",
                [organization.pk, project, models, first, last - MINUTE, step],
            )


def _seconds(action: Callable[[], Any], times: int = 1) -> float:
    """Return the median of some runs."""
    durations = []
    for _ in range(times):
        started = perf_counter()
        action()
        durations.append(perf_counter() - started)
    return statistics.median(durations)
