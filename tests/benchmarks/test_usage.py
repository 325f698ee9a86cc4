"""Usage: what counting events costs over a bare COPY, and what views cost for much traffic."""

import json
import statistics
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from io import BytesIO
from time import perf_counter
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection

from accounts.models import Organization
from capacity.models import Snapshot
from capacity.usage.domain.windows import MINUTE, closed_until
from capacity.usage.models import OrganizationUsage, UsageMinute, UsageWindow
from capacity.usage.operations.events import record_usage
from capacity.usage.operations.windows import SUMS
from capacity.usage.queries.usage import View, usage
from capacity.usage.serializers.events import UsageEventsSerializer
from common.api.parsers import StrictJSONParser
from common.instants import rfc3339
from tests.cast import GROK, Acme, at

pytestmark = pytest.mark.django_db(transaction=True)

NOW = at("2026-03-10")
EVENTS, ROUNDS = 10_000, 9
MOST_TIMES_A_COPY = 4.0
MODELS, DAYS = 20, 30
MINUTES = MODELS * DAYS * 1_440
MOST_SECONDS = 0.050
MOST_TIMES_FIFTEEN_MINUTES = 2.0


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
        body = json.dumps({"events": batch}).encode()
        copies.append(_seconds(partial(_copy, acme.organization.pk, batch)))
        counts.append(_seconds(partial(_count, acme.organization, body)))
    floor, counted = statistics.median(copies), statistics.median(counts)
    print(
        f"\n{EVENTS:,} events: read and counted in {counted * 1000:.0f} ms, a bare COPY takes "
        f"{floor * 1000:.0f} ms: {counted / floor:.2f} times"
    )
    assert counted <= floor * MOST_TIMES_A_COPY


def test_thirty_days_are_read_like_fifteen_minutes(acme: Acme) -> None:
    """20 models with traffic in every one of 43,200 minutes; the last hour of it is still open."""
    acme.buys("2026-01-10", input=1)
    _fill(acme.organization)
    assert UsageMinute.objects.count() == MINUTES == 864_000
    views = {
        view: _seconds(partial(usage, acme.organization, view=view, now=NOW), 15) for view in View
    }
    ratio = views[View.DAYS] / views[View.MINUTES]
    print(
        f"\n{MINUTES:,} minutes of traffic: 30 days in {views[View.DAYS] * 1000:.0f} ms, "
        f"a day in {views[View.WINDOWS] * 1000:.0f} ms, 15 minutes in "
        f"{views[View.MINUTES] * 1000:.0f} ms: {ratio:.2f} times"
    )
    assert views[View.DAYS] <= MOST_SECONDS
    assert ratio <= MOST_TIMES_FIFTEEN_MINUTES


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


def _count(organization: Organization, body: bytes) -> None:
    """What the API does with the body of a call, until the events are committed."""
    call = UsageEventsSerializer(data=StrictJSONParser().parse(BytesIO(body)))
    call.is_valid(raise_exception=True)
    recorded = record_usage(
        organization=organization,
        events=call.validated_data["events"],
        now=NOW,
        received_on=NOW.date(),
    )
    assert recorded.accepted == EVENTS


def _fill(organization: Organization) -> None:
    """Store 30 days of minutes, with the windows that are closed and their days."""
    first_open = closed_until(NOW)
    OrganizationUsage.objects.create(organization=organization, closed_until=first_open)
    project = organization.projects.get().pk
    start = NOW - timedelta(days=DAYS)
    with connection.cursor() as cursor:
        for table, column, last, step, sums in (
            ("usage_usageminute", "minute", NOW, "1 minute", SUMS[:4]),
            ("usage_usagewindow", "starts_at", first_open, "15 minutes", UsageWindow.SUMS),
            ("usage_usageday", "day", first_open, "1 day", SUMS),
        ):
            cursor.execute(
                f"INSERT INTO {table} (organization_id, {column}, snapshot_id, project_id, pool_id,"
                f" opted_out, {', '.join(sums)}) SELECT %s, at, snapshot, %s, 0, false,"
                f" {', '.join('100' for _ in sums)} FROM unnest(%s::bigint[]) snapshot,"
                f" generate_series(%s::timestamptz, %s::timestamptz, %s::interval) at",
                [organization.pk, project, _models(), start, last - MINUTE, step],
            )
            cursor.execute(f"ANALYZE {table}")


def _models() -> list[int]:
    """Return 20 snapshots: those of the catalogue, and more like them."""
    for number in range(Snapshot.objects.count(), MODELS):
        Snapshot.objects.create(model=f"model-{number}", provider="xai", cached_weight=1)
    return list(Snapshot.objects.order_by("pk").values_list("pk", flat=True)[:MODELS])


def _seconds(action: Callable[[], Any], times: int = 1) -> float:
    """Return the median of some runs."""
    durations = []
    for _ in range(times):
        started = perf_counter()
        action()
        durations.append(perf_counter() - started)
    return statistics.median(durations)
