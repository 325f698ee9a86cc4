"""Metering: every request counts once in usage, and is explained for 24 hours (R14, R15)."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django.utils import timezone

from accounts.models import ApiKey
from accounts.operations.api_keys import create_api_key
from accounts.operations.projects import create_project
from capacity.gateway.admission import Admission
from capacity.gateway.decisions import Decision, Served
from capacity.gateway.entitlements import Plan
from capacity.gateway.operations.metering import BATCH, keep_partitions, meter_requests
from capacity.gateway.queries.requests import find_request, gateway_valkey
from capacity.gateway.requests import Tokens
from capacity.gateway.valkey import Shard, connect
from capacity.models import GatewayRequest
from capacity.operations.clock import advance_clock
from capacity.usage.models import OrganizationUsage, UsageDay, UsageMinute
from capacity.usage.queries.usage import View, usage
from common.errors import NotFound
from tests.capacity.gateway.backlog import append, context_of, entry, fill
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
    append(gateway.acme.organization.pk, [fields for _, fields in entries])
    gateway.serves(gateway.request())
    assert meter() == 4
    assert counted(gateway.acme)["requests"] == once["requests"] + 1
    assert GatewayRequest.objects.count() == 4


def test_a_request_is_explained_from_its_admission_on_until_a_day_later(gateway: Gateway) -> None:
    acme, now = gateway.acme, timezone.now()
    request = gateway.request()
    decision = gateway.admits(request)
    open_row = find_request(acme.organization, request.id, real_now=now)
    assert (open_row.status, open_row.served, open_row.actual) == ("open", "scale", None)
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
    assert (settled.status, stored.status) == ("finished", "finished")
    for name in ("at", "served", "reason", "pool", "project", "key", "actual", "windows"):
        assert getattr(stored, name) == getattr(settled, name)
    for odd in ("*", request.id[:-1]):
        with pytest.raises(NotFound):
            find_request(acme.organization, odd, real_now=now)
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
    [(_, entry_of_the_lapse)] = stream(gateway.acme)
    organization, now = gateway.acme.organization, timezone.now()
    unmetered = find_request(organization, decision.id, real_now=now)
    assert meter() == 1
    assert counted(gateway.acme)["requests"] == 0
    lapsed = GatewayRequest.objects.get()
    assert (unmetered.status, lapsed.status, lapsed.actual) == ("lapsed", "lapsed", None)
    settle(decision, USED)
    assert meter() == 1
    append(organization.pk, [entry_of_the_lapse])  # As if a worker had been killed.
    assert meter() == 1
    assert counted(gateway.acme)["requests"] == 1
    settled = GatewayRequest.objects.get()
    assert (settled.status, settled.actual) == ("finished", {"input": 100, "output": 20})


def test_a_request_counts_although_the_clock_was_moved_by_a_month_before_it_was_metered(
    gateway: Gateway,
) -> None:
    gateway.serves(gateway.request())
    organization = gateway.acme.organization
    advance_clock(organization=organization, to=at("2026-02-10"), by=gateway.acme.alice)
    meter()
    shown = usage(organization, view=View.DAYS, now=at("2026-02-08"))
    assert shown.totals["requests"] == 1


def test_requests_of_any_time_count_and_close_no_window_before_its_time(gateway: Gateway) -> None:
    """Clocks differ, and workers stand still: what was admitted is used, whenever it was."""
    organization, noon = gateway.acme.organization, at("2026-01-10")
    times = [noon + timedelta(hours=3), noon, noon - timedelta(days=40), noon - timedelta(days=80)]
    contexts = [context_of(gateway.request(), clock) for clock in times]
    requests = [entry(each, f"at-{each.clock}", timezone.now()) for each in contexts]
    append(organization.pk, requests)
    assert meter() == len(times)
    assert stream(gateway.acme) == []
    minutes = UsageMinute.objects.filter(organization=organization).values_list("minute", flat=True)
    assert set(minutes) == {noon, noon + timedelta(hours=3)}
    late = UsageDay.objects.filter(organization=organization).values_list("day", "late_input")
    assert set(late) == {(each.date(), USED.input) for each in times[2:]}
    assert OrganizationUsage.objects.get(organization=organization).closed_until < noon


def test_a_key_was_last_used_when_the_gateway_admitted_with_it(gateway: Gateway) -> None:
    organization, noon = gateway.acme.organization, at("2026-01-10")
    keys = ApiKey.objects.filter(organization=organization)
    unused = create_api_key(
        organization=organization, name="Spare", by=gateway.acme.alice, now=noon
    )[0]

    def last_used_after(*minutes: float) -> datetime | None:
        for each in minutes:
            context = context_of(gateway.request(), noon + timedelta(minutes=each))
            append(organization.pk, [entry(context, f"minute-{each}", timezone.now())])
        meter()
        return keys.exclude(pk=unused.pk).get().last_used_at

    assert last_used_after(0) == noon
    assert last_used_after(0.9) == noon, "it is kept to the minute"
    assert last_used_after(9, 7) == noon + timedelta(minutes=9)
    assert last_used_after(8) == noon + timedelta(minutes=9), "only forward"
    unused.refresh_from_db()
    assert unused.last_used_at is None


def test_what_piled_up_while_no_worker_was_there_is_drained_to_the_token() -> None:
    """Of several organizations, more than what is counted together; partly counted already."""
    gateways, each = [make_gateway() for _ in range(3)], BATCH + 1_500
    now = timezone.now()
    tokens = fill([gateway.request() for gateway in gateways], each, now)
    first = stream(gateways[0].acme)[7][1]
    append(gateways[0].acme.organization.pk, [first, first])
    assert meter() == 3 * each + 2
    assert GatewayRequest.objects.count() == 3 * each
    for gateway in gateways:
        sums = counted(gateway.acme)
        assert sums["requests"] == each
        assert sums["input_tokens"] + sums["output_tokens"] == tokens
        assert stream(gateway.acme) == []


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
