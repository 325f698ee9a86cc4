"""Metering: every request counts once in usage, and is explained for 24 hours (R14, R15)."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django.utils import timezone

from accounts.operations.projects import create_project
from capacity.gateway.admission import Admission
from capacity.gateway.decisions import Decision, Served
from capacity.gateway.entitlements import Plan
from capacity.gateway.operations.metering import keep_partitions, meter_requests
from capacity.gateway.queries.requests import find_request, gateway_valkey
from capacity.gateway.requests import Tokens
from capacity.gateway.valkey import Shard, connect
from capacity.models import GatewayRequest
from capacity.operations.clock import advance_clock
from capacity.usage.models import UsageMinute
from capacity.usage.queries.usage import View, usage
from common.errors import NotFound
from tests.capacity.gateway.served import USED, Gateway, counted, make_gateway
from tests.cast import Acme, at, make_acme
from tests.loops import run

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("valkey_url", "catalogue")]


@pytest.fixture
def gateway() -> Gateway:
    return make_gateway()


def meter() -> int:
    return meter_requests(real_now=timezone.now())


def stream(acme: Acme) -> list[Any]:
    valkey: Any = gateway_valkey(settings.GATEWAY_VALKEY_URL)
    entries: list[Any] = valkey.xrange(Shard.of(acme.organization.pk).stream)
    return entries


def test_every_request_counts_once_in_its_minute_project_and_pool(gateway: Gateway) -> None:
    acme = gateway.acme
    project = create_project(
        organization=acme.organization, name="Search", by=acme.alice, now=at("2026-01-10")
    )
    [pool] = gateway.request().pools
    requests = [
        gateway.request(),
        gateway.request(project=project.public_id),
        gateway.request(pools=(pool,), names_pool=True, estimate=Tokens(10**9)),
        gateway.request(disabled=True),
        gateway.request(disabled=True, plan=Plan(rpm=0, tpm=0)),
    ]
    served = [decision.served for decision in gateway.serves(*requests)]
    assert served == [
        Served.SCALE, Served.SCALE, Served.DEFAULT, Served.DEFAULT, Served.REFUSED,
    ]  # fmt: skip
    entries = stream(acme)
    assert meter() == len(entries) == 5
    assert stream(acme) == []
    assert counted(acme) == {
        "requests": 4,
        "input_tokens": 400,
        "cached_tokens": 160,
        "output_tokens": 80,
    }
    rows = UsageMinute.objects.filter(organization=acme.organization)
    assert {row.minute for row in rows} == {at("2026-01-10")}
    assert sum(row.requests for row in rows if row.project_id == project.pk) == 1
    assert sum(row.requests for row in rows if row.opted_out) == 1
    shown = usage(acme.organization, view=View.MINUTES, now=at("2026-01-10", "12:05"))
    # What opted out is account plan; the others are covered, also the one that admission spilled.
    assert (shown.totals["scale"], shown.totals["account"]) == (300, 100)
    assert GatewayRequest.objects.filter(organization=acme.organization).count() == 5


def test_a_worker_that_was_killed_before_it_shortened_the_stream_counts_nothing_twice(
    gateway: Gateway,
) -> None:
    gateway.serves(*(gateway.request() for _ in range(3)))
    entries = stream(gateway.acme)
    assert meter() == 3
    once = counted(gateway.acme)
    valkey: Any = gateway_valkey(settings.GATEWAY_VALKEY_URL)
    for _, entry in entries:
        valkey.xadd(Shard.of(gateway.acme.organization.pk).stream, entry)
    gateway.serves(gateway.request())
    assert meter() == 4
    assert counted(gateway.acme)["requests"] == once["requests"] + 1
    assert GatewayRequest.objects.count() == 4


def test_a_request_is_explained_from_its_admission_on_until_a_day_later(gateway: Gateway) -> None:
    acme, now = gateway.acme, timezone.now()
    request = gateway.request()
    decision = gateway.admits(request)
    open_row = find_request(acme.organization, request.id, real_now=now)
    assert (open_row.served, open_row.actual) == ("scale", None)
    assert open_row.estimate == {"input": 120, "output": 1_024}
    [pool] = request.pools
    assert (open_row.pool, open_row.at) == (pool.public_id, at("2026-01-10"))
    assert open_row.windows == [
        {"pool": pool.public_id, "kind": "input", "limit": 31_500 * 15, "used": 0},
        {"pool": pool.public_id, "kind": "output", "limit": 12_500 * 15, "used": 0},
    ]
    settle(decision, USED)
    settled = find_request(acme.organization, request.id, real_now=now)
    assert settled.actual == {"input": 100, "output": 20}
    meter()
    stored = find_request(acme.organization, request.id, real_now=now)
    for name in ("at", "served", "reason", "pool", "project", "key", "actual", "windows"):
        assert getattr(stored, name) == getattr(settled, name)
    with pytest.raises(NotFound):
        find_request(make_acme().organization, request.id, real_now=now)
    with pytest.raises(NotFound):
        find_request(acme.organization, request.id, real_now=now + timedelta(hours=25))


def settle(decision: Decision, used: Tokens) -> None:
    async def settle_in_another_process() -> None:
        async with connect(settings.GATEWAY_VALKEY_URL) as valkey:
            await Admission(valkey).settle(decision, used)

    run(settle_in_another_process())


def test_a_request_whose_gateway_was_killed_is_explained_without_a_figure_and_may_get_one_late(
    gateway: Gateway,
) -> None:
    decision = gateway.admits(gateway.request())
    later = decision.admitted_at + timedelta(minutes=2)

    async def lapse() -> int:
        async with connect(settings.GATEWAY_VALKEY_URL) as valkey:
            return await Admission(valkey, now=later).lapse()

    assert run(lapse()) == 1
    assert meter() == 1
    assert counted(gateway.acme)["requests"] == 0
    assert GatewayRequest.objects.get().actual is None
    settle(decision, USED)
    assert meter() == 1
    assert counted(gateway.acme)["requests"] == 1
    assert GatewayRequest.objects.get().actual == {"input": 100, "output": 20}


def test_a_request_counts_although_the_clock_was_moved_by_a_month_before_it_was_metered(
    gateway: Gateway,
) -> None:
    gateway.serves(gateway.request())
    organization = gateway.acme.organization
    advance_clock(organization=organization, to=at("2026-02-10"), by=gateway.acme.alice)
    meter()
    shown = usage(organization, view=View.DAYS, now=at("2026-02-08"))
    assert shown.totals["requests"] == 1


def test_what_cannot_be_metered_stays_and_delays_nobody_else(gateway: Gateway) -> None:
    gone = replace(gateway.request().organization, pk=gateway.acme.organization.pk + 16)
    gateway.serves(gateway.request(organization=gone), gateway.request())
    assert meter() == 1
    assert counted(gateway.acme)["requests"] == 1
    assert len(stream(gateway.acme)) == 1


def test_partitions_of_requests_come_and_go_by_day() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE TABLE capacity_gatewayrequest_20260101 PARTITION OF capacity_gatewayrequest"
            " FOR VALUES FROM ('2026-01-01') TO ('2026-01-02')"
        )
        assert keep_partitions() >= 1
        assert keep_partitions() == 0
        cursor.execute("SELECT to_regclass('capacity_gatewayrequest_20260101')")
        assert cursor.fetchone() == (None,)
