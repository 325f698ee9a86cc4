"""Valkey hangs, ends, forgets, or loses a node: nobody is refused, and all is metered."""

import asyncio
import signal
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

from capacity.gateway.admission import Admission
from capacity.gateway.decisions import Decision, Reason, Served
from capacity.gateway.entitlements import OrganizationState
from capacity.gateway.requests import Tokens
from capacity.gateway.valkey import ALL_SHARDS, SHARDS, Shard, connect
from tests.capacity.gateway.people import numbers, pool, request
from tests.loops import run
from tests.valkey_servers import NODES, ClusterNode, ValkeyServer, valkey_cluster, valkey_server

pytestmark = pytest.mark.slow

USED = Tokens(input=10, output=10)


def organization_in(shard: Shard) -> OrganizationState:
    """An organization whose keys have the hash tag of the shard."""
    pk = SHARDS * next(numbers) + shard.number
    return OrganizationState(pk, f"org_{pk}")


async def back(admission: Admission) -> None:
    """Wait until Valkey is asked again, after the pause."""
    deadline = monotonic() + 10
    while admission.unsent:
        assert monotonic() < deadline, "what was finished is not handed over"
        await asyncio.sleep(0.02)
        await admission.tend()


async def stop(admission: Admission) -> None:
    """Stop it like the gateway, which cancels what it does every second."""
    tending = asyncio.create_task(admission.tend())
    await asyncio.sleep(0)
    tending.cancel()
    await admission.close()


def test_while_valkey_is_away_the_account_plan_serves_and_what_it_served_is_metered_later(
    tmp_path: Path,
) -> None:
    small, acme = pool(input=100, output=100), organization_in(ALL_SHARDS[3])

    async def scene(server: ValkeyServer) -> None:
        async with connect(server.url) as valkey:
            admission = Admission(valkey)
            before = await admission.admit(request(small, of=acme, input=60, output=60))
            assert before.served == Served.SCALE
            server.stop(signal.SIGTERM)
            started = monotonic()
            requests = [request(small, of=acme, input=60, output=60) for _ in range(50)]
            decisions = [await admission.admit(each) for each in requests]
            assert monotonic() - started < 1, "only the first waits, if any"
            for each in decisions:
                assert (each.served, each.reason) == (Served.DEFAULT, Reason.NO_CAPACITY)
                assert not each.is_counted
            await asyncio.gather(*(admission.settle(each, USED) for each in [before, *decisions]))
            assert admission.unsent == 51
            await stop(admission)
            assert admission.unsent == 51, "what is being sent again is not lost meanwhile"
            server.start()
            await back(admission)
            assert server.client.xlen(Shard.of(acme.pk).stream) == 51
            # The reservation of before was kept through the restart, and was settled once.
            after = await admission.admit(request(small, of=acme, input=90, output=90))
            assert (after.served, [window.used for window in after.windows]) == ("scale", [10, 10])

    with valkey_server(tmp_path) as server:
        run(scene(server))


def test_a_valkey_that_hangs_delays_one_request_by_half_a_second_and_no_other(
    tmp_path: Path,
) -> None:
    acme = organization_in(ALL_SHARDS[3])
    small = pool(input=100)

    async def scene(server: ValkeyServer) -> None:
        async with connect(server.url) as valkey:
            admission = Admission(valkey)
            await admission.admit(request(small, of=acme, input=1))
            server.signal(signal.SIGSTOP)
            started = monotonic()
            first = await admission.admit(request(small, of=acme, input=1))
            assert not first.is_counted
            assert 0.4 < monotonic() - started < 2
            for _ in range(20):
                started = monotonic()
                assert not (await admission.admit(request(small, of=acme, input=1))).is_counted
                assert monotonic() - started < 0.1
            server.signal(signal.SIGCONT)
            await admission.settle(first, USED)
            await back(admission)
            # What was asked for and not heard was reserved all the same, and lapses in a minute.
            assert (await admission.admit(request(small, of=acme, input=1))).is_counted

    with valkey_server(tmp_path) as server:
        run(scene(server))


def test_a_valkey_that_forgets_everything_counts_from_zero_and_knows_its_scripts_again(
    tmp_path: Path,
) -> None:
    acme = organization_in(ALL_SHARDS[3])
    small = pool(input=100)

    async def scene(server: ValkeyServer) -> None:
        async with connect(server.url) as valkey:
            admission = Admission(valkey)
            open_one = await admission.admit(request(small, of=acme, input=100))
            server.client.flushall()
            server.client.script_flush()
            decision = await admission.admit(request(small, of=acme, input=100))
            assert (decision.served, decision.windows[0].used) == (Served.SCALE, 0)
            await admission.settle(open_one, USED)
            # It is metered; the counters that it was reserved in are gone.
            assert server.client.xlen(Shard.of(acme.pk).stream) == 1
            assert (await admission.admit(request(small, of=acme, input=1))).windows[0].used == 100

    with valkey_server(tmp_path) as server:
        run(scene(server))


def test_a_cluster_admits_exactly_and_goes_on_while_a_node_is_lost_until_its_replica_takes_over(
    tmp_path: Path,
) -> None:
    pools = [pool(input=1_000) for _ in range(NODES)]

    async def scene(nodes: list[ClusterNode]) -> None:
        organizations = [organization_in(node.shards[0]) for node in nodes]
        admission = Admission(connect(f"redis+cluster://127.0.0.1:{nodes[0].port}"))

        async def admit(n: int, tokens: int) -> Decision:
            return await admission.admit(request(pools[n], of=organizations[n], input=tokens))

        decisions = await asyncio.gather(*(admit(n % NODES, 20) for n in range(300)))
        served = [each.pool for each in decisions if each.served == Served.SCALE]
        assert [served.count(each.public_id) for each in pools] == [50, 50, 50]
        await asyncio.gather(*(admission.settle(each, Tokens(input=2)) for each in decisions))
        assert [open_in(node) for node in nodes] == [0, 0, 0]

        assert nodes[2].client.wait(1, 2_000) == 1, "its replica has everything"
        nodes[2].stop()
        async with asyncio.timeout(2):  # The node is given half a second to answer.
            lost, *others = await asyncio.gather(admit(2, 10), admit(0, 10), admit(1, 10))
        assert (lost.served, lost.is_counted) == (Served.DEFAULT, False)
        assert [other.served for other in others] == [Served.SCALE, Served.SCALE]
        await admission.settle(lost, Tokens(input=2))
        assert admission.unsent == 1
        await back(admission)
        taken_over = await admit(2, 10)
        assert (taken_over.served, taken_over.windows[0].used) == (Served.SCALE, 50 * 2)
        await admission.close()

    with valkey_cluster(tmp_path) as nodes:
        run(scene(nodes))


def open_in(node: ClusterNode) -> int:
    client: Any = node.client
    return sum(client.zcard(shard.open) for shard in node.shards)
