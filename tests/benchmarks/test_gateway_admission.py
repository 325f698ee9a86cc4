"""What admission costs: the scripts in the server, beside a ping and a bare script of the same run.

And what it takes to load the entitlements of a thousand organizations, and of one of them again.
"""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import pytest
from django.db import connection

from accounts.models import Organization
from capacity.gateway.admission import Admission
from capacity.gateway.entitlements import Entitlements, Plan
from capacity.gateway.lanes import Lanes, Script
from capacity.gateway.loader import Loader, connection_parameters
from capacity.gateway.requests import Tokens
from capacity.gateway.valkey import ALL_SHARDS, connect
from tests.benchmarks.population import populate
from tests.capacity.gateway.people import organization, pool, request
from tests.valkey_servers import ValkeyServer, valkey_server

ROUNDS = 3_000
MOST_IN_SERVER = 60.0
"""Microseconds of a script in the server."""
MOST_OVER_PING = 0.2
"""Milliseconds that admission takes longer than a ping, from the caller's point of view."""
ORGANIZATIONS, LOTS_EACH = 1_000, 10
BARE = Script("return 1", "e0e1f9fabfc9d4800c877a703b823ac0578ff8db")


def test_a_script_takes_less_than_60_microseconds_in_the_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One request a call: a busy gateway gathers several."""
    monkeypatch.setattr("capacity.gateway.batches.GATHERED", 0.0)
    with valkey_server(tmp_path) as server:
        times = asyncio.run(_measure(server))
    print(f"\nMedian of {ROUNDS:,}, from the caller's point of view; in the server on average:")
    for name, (in_server, seconds) in times.items():
        print(f"  {name:28} {1_000 * seconds:6.3f} ms   {in_server:5.1f} µs")
    ping = times["ping"][1]
    for name in ("admit, served by capacity", "admit, by the account plan", "settle"):
        in_server, seconds = times[name]
        assert in_server < MOST_IN_SERVER
        assert 1_000 * (seconds - ping) < MOST_OVER_PING


async def _measure(server: ValkeyServer) -> dict[str, tuple[float, float]]:
    """Return microseconds in the server, and seconds of the caller, of each kind of call."""
    async with connect(server.url) as valkey:
        admission, lanes = Admission(valkey), Lanes(valkey)
        acme, large, small = organization(), pool(input=10**9, output=10**9), pool(combined=10)
        shard = ALL_SHARDS[0]
        decisions = []

        async def admit(*pools: Any) -> None:
            decisions.append(await admission.admit(request(*pools, of=acme, input=500, output=100)))

        async def settle() -> None:
            admission.settle(decisions.pop(), Tokens(500, 90))
            await admission.drain()  # Nobody waits for it but this measurement.

        calls: dict[str, Callable[[], Awaitable[Any]]] = {
            "ping": valkey.ping,
            "a bare script": lambda: lanes.call(shard, BARE, (shard.open,), ()),
            "admit, served by capacity": lambda: admit(large),
            "admit, after four full pools": lambda: admit(*([small] * 4), large),
            "admit, by the account plan": lambda: admit(small),
            "settle": settle,
        }
        times = {}
        for name, call in calls.items():
            await call()
            server.client.config_resetstat()
            seconds = [await _seconds(call) for _ in range(ROUNDS)]
            command = "ping" if name == "ping" else "evalsha"
            in_server = server.client.info("commandstats")[f"cmdstat_{command}"]["usec_per_call"]
            times[name] = (float(in_server), median(seconds))
        await admission.close()
        await lanes.close()
        return times


async def _seconds(call: Callable[[], Awaitable[Any]]) -> float:
    started = perf_counter()
    await call()
    return perf_counter() - started


KEYS_AND_MEMBERS = """
    WITH member AS (
        INSERT INTO accounts_membership (organization_id, user_id, role, created_at)
        SELECT organization.id, person.id, 'owner', now()
        FROM accounts_organization organization, accounts_user person
        RETURNING organization_id, user_id
    )
    INSERT INTO accounts_apikey (organization_id, user_id, name, digest, hint, created_at)
    SELECT organization_id, user_id, 'Script',
           encode(sha256((organization_id * 10 + n)::text::bytea), 'hex'), 'st_', now()
    FROM member, generate_series(1, 10) n
"""


@pytest.mark.django_db(transaction=True)
def test_a_thousand_organizations_are_loaded_in_less_than_two_seconds() -> None:
    populate(ORGANIZATIONS, LOTS_EACH)
    with connection.cursor() as cursor:
        cursor.execute(KEYS_AND_MEMBERS)
    one = Organization.objects.latest("pk").pk
    everything, again = asyncio.run(_load(one))
    print(
        f"\nEntitlements of {ORGANIZATIONS:,} organizations with {ORGANIZATIONS * LOTS_EACH:,} lots"
        f" and as many keys: loaded in {1_000 * everything:.0f} ms, one of them in"
        f" {1_000 * again:.1f} ms"
    )
    assert everything < 2
    assert again < everything / 10


async def _load(one: int) -> tuple[float, float]:
    """Return the seconds that it takes to load everything, and one organization."""
    loader = Loader(Entitlements(Plan(1, 1)), connection_parameters())
    async with await loader.connect() as listening:
        everything = [await _seconds(lambda: loader.load(listening, {"*"})) for _ in range(5)]
        again = [await _seconds(lambda: loader.load(listening, {str(one)})) for _ in range(50)]
    return median(everything), median(again)
