"""The planner: what the move of its slider costs, for many models and ever more requests (R16)."""

import statistics
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from time import perf_counter
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse

from accounts.operations.projects import create_project
from capacity.models import Snapshot
from capacity.queries.catalogue import find_listing
from capacity.usage.domain.windows import MINUTE, closed_until
from capacity.usage.models import OrganizationUsage, UsageDemand
from capacity.usage.queries.replay import replay_past_traffic
from tests.cast import GPT, Acme, at, make_acme, signed_in

pytestmark = pytest.mark.django_db

NOW = at("2026-03-10")
DAYS, MODELS, MOVES = 30, 18, 15
UNITS = {"input": 7, "output": 9}
SUMS = ("requests", "input_tokens", "cached_tokens", "output_tokens")
COVERED = ("weighted_tokens", "covered_input", "covered_output", "covered_weighted")
MOST_TIMES_THE_FLOOR, MOST_GROWTH = 4, 1.5


@pytest.mark.usefixtures("catalogue")
def test_a_move_of_the_slider_costs_the_same_for_ten_times_the_requests() -> None:
    """The floor: a bare SELECT of the same 2,880 sums, fetched."""
    acme = make_acme("2026-01-01", is_sandbox=True)
    acme.organization.clock_at = NOW
    acme.organization.save()
    acme.buys("2026-01-10", GPT, input=4, output=2)
    times = []
    for factor in (1, 10):
        for number in range(factor - 1):
            create_project(
                organization=acme.organization, name=f"No. {number}", by=acme.alice, now=NOW
            )
        _fill(acme, factor)
        floor, answer, page = (
            _milliseconds(run)
            for run in (
                partial(_floor, acme),
                partial(_answer, acme),
                partial(_request, acme, signed_in(acme.alice)),
            )
        )
        times.append(answer)
        print(
            f"\n{factor * MODELS * DAYS * 1440:,} minutes of traffic, {MODELS} models, {factor} "
            f"projects: a replay in {answer:.1f} ms, {answer / floor:.1f} times the bare SELECT of "
            f"its {DAYS * 96:,} windows ({floor:.1f} ms); the whole answer in {page:.1f} ms"
        )
        assert answer / floor <= MOST_TIMES_THE_FLOOR
    assert times[1] / times[0] <= MOST_GROWTH


def _fill(acme: Acme, projects: int) -> None:
    """Store 30 days of closed windows and of the minutes below them, for so many projects."""
    start, first_open = closed_until(NOW) - timedelta(days=DAYS), closed_until(NOW)
    OrganizationUsage.objects.get_or_create(
        organization=acme.organization, defaults={"closed_until": first_open}
    )
    UsageDemand.objects.all().delete()
    keys = list(acme.organization.projects.order_by("pk").values_list("pk", flat=True))
    known = [GPT, *Snapshot.objects.exclude(model=GPT).values_list("model", flat=True)][:MODELS]
    models = list(Snapshot.objects.filter(model__in=known).values_list("pk", flat=True))
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE usage_usagewindow, usage_usageminute")
        for table, column, first, step, of_models in (
            ("usage_usagewindow", "starts_at", start, "15 minutes", models),
            ("usage_usageminute", "minute", start, "1 minute", models[:1]),
            ("usage_usageminute", "minute", first_open, "1 minute", models[1:]),
        ):
            names = SUMS if column == "minute" else (*SUMS, *COVERED, "late_input", "late_output")
            values = ", ".join(
                "100 + (extract(epoch FROM at) / 900)::bigint %% 9973" for _ in names
            )
            cursor.execute(
                f"INSERT INTO {table} (organization_id, {column}, snapshot_id, project_id, pool_id,"
                f" opted_out, {', '.join(names)}) SELECT %s, at, snapshot, project, 0, false,"
                f" {values} FROM unnest(%s::bigint[]) snapshot, unnest(%s::bigint[]) project,"
                f" generate_series(%s::timestamptz, %s::timestamptz, %s::interval) at",
                [
                    acme.organization.pk,
                    of_models,
                    keys[:projects],
                    first,
                    (first_open if column == "starts_at" else NOW) - MINUTE,
                    step,
                ],
            )
        cursor.execute("ANALYZE usage_usagewindow, usage_usageminute, usage_usagedemand")


def _floor(acme: Acme) -> None:
    snapshot = Snapshot.objects.get(model=GPT).pk
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT starts_at, input_tokens, cached_tokens, output_tokens FROM usage_usagedemand"
            " WHERE organization_id = %s AND snapshot_id = %s",
            [acme.organization.pk, snapshot],
        )
        assert len(cursor.fetchall()) > 2_800


def _answer(acme: Acme) -> None:
    listing = find_listing(organization=acme.organization, model=GPT, on=NOW.date())
    past = replay_past_traffic(acme.organization, listing=listing, now=NOW)
    outcomes = past.outcomes(UNITS)
    assert past.costs(outcomes).together
    assert all(row.break_even(past.rates) for row in past.kinds)


def _request(acme: Acme, client: Client) -> None:
    url = reverse("plan_replay", args=[acme.organization.public_id])
    query: dict[str, Any] = {"model": GPT, **UNITS}
    assert client.get(url, query, headers={"HX-Request": "true"}).status_code == 200


def _milliseconds(action: Callable[[], Any]) -> float:
    """Return the median of some runs, after one that warms up."""
    action()
    durations = []
    for _ in range(MOVES):
        started = perf_counter()
        action()
        durations.append(perf_counter() - started)
    return statistics.median(durations) * 1000
