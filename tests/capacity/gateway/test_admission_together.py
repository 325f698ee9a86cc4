"""Requests that are admitted at the same moment, in one batch or by several gateways (R15)."""

import asyncio

import pytest

from capacity.gateway.admission import Admission
from capacity.gateway.batches import GATHERED, Pace, Question, Settlement, ShardBatches
from capacity.gateway.decisions import Decision, Served
from capacity.gateway.entitlements import Plan
from capacity.gateway.requests import Context, Tokens
from capacity.gateway.valkey import ALL_SHARDS, connect, connect_blocking
from tests.capacity.gateway.people import NOON, organization, pool, request
from tests.capacity.gateway.scenes import Stage, open_reservations, used
from tests.loops import run


def test_hundreds_at_once_on_two_gateways_are_never_admitted_beyond_the_allowance(
    valkey_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("capacity.gateway.batches.MOST_TOGETHER", 5)  # So that they take turns.
    acme, first, second = organization(), pool(input=1_000, output=500), pool(combined=700)
    plan = Plan(rpm=50, tpm=10**6)

    async def decide(gateway: Admission) -> list[Decision]:
        requests = [
            request(first, second, of=acme, input=10, output=4, plan=plan) for _ in range(200)
        ]
        return await asyncio.gather(*(gateway.admit(each) for each in requests))

    async def settle(gateway: Admission, decisions: list[Decision]) -> None:
        actual = Tokens(input=10, output=4)
        await asyncio.gather(*(gateway.settle(each, actual) for each in decisions))

    async def scene() -> list[list[Decision]]:
        async with connect(valkey_url) as one_client, connect(valkey_url) as other_client:
            gateways = [Admission(one_client, now=NOON), Admission(other_client, now=NOON)]
            decisions = await asyncio.gather(*map(decide, gateways))
            await asyncio.gather(*map(settle, gateways, decisions))
            assert not any(gateway.open_requests or gateway.unsent for gateway in gateways)
            return decisions

    of_each = run(scene())
    for decisions in of_each:
        assert any(each.served == Served.SCALE for each in decisions), "both took part"
    decisions = [each for decisions in of_each for each in decisions]
    assert sum(each.pool == first.public_id for each in decisions) == 1_000 // 10
    assert sum(each.pool == second.public_id for each in decisions) == 700 // (10 + 6 * 4)
    assert sum(each.served == Served.DEFAULT for each in decisions) == plan.rpm
    assert open_reservations(valkey_url) == 0


def test_a_busy_gateway_asks_for_many_at_once_and_an_idle_one_at_once(
    admission: Stage, valkey_url: str
) -> None:
    acme, small = organization(), pool(input=10**6)

    async def client(admission: Admission) -> None:
        for _ in range(10):
            decision = await admission.admit(request(small, of=acme, input=1))
            admission.settle(decision, Tokens(input=1))

    async def scene(admission: Admission) -> None:
        await asyncio.gather(*(client(admission) for _ in range(20)))
        await admission.close()

    with connect_blocking(valkey_url) as valkey:
        valkey.config_resetstat()
        admission(scene)
        calls = valkey.info("commandstats")["cmdstat_evalsha"]["calls"]
    assert calls <= 40, "of 200 decisions and as many settlements"

    pace = Pace()
    for now in (10.0, 10.0005, 10.001):
        pace.count(now)
        assert pace.due(now) == now, "one client, whose next request follows its answer"
    pace.count(10.0015)
    assert 10.0015 < pace.due(10.0015) <= 10.0015 + GATHERED
    assert pace.due(10.5) == 10.5


def test_what_the_script_cannot_take_harms_nothing_that_is_sent_with_it(
    admission: Stage, valkey_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("capacity.gateway.admission.AT_ONCE", 2)
    acme, small = organization(), pool(input=100)
    broken = request(small, of=acme, input=10, project="proj_broken")
    Context.of(broken, NOON.date()).__dict__["terms"] = b"no JSON"
    unwritable = request(small, of=acme, input=10, project="proj_unwritable")
    Context.of(unwritable, NOON.date()).__dict__["text"] = None

    async def scene(admission: Admission) -> None:
        first = await admission.admit(request(small, of=acme, input=10))
        settlement = admission.settle(first, Tokens(input=5))
        others = [request(small, of=acme, input=10) for _ in range(3)]
        together = (broken, *others, unwritable)
        failed, *decided, other = await asyncio.gather(*map(admission.admit, together))
        for each in (failed, other):
            assert (each.served, each.is_counted) == (Served.DEFAULT, False)
        assert [used(each) for each in decided] == [[5], [15], [25]]
        assert await settlement
        assert await admission.settle(failed, Tokens(input=10))
        assert not await admission.settle(other, Tokens(input=10))
        admission._unsent += [Settlement(first, None) for _ in range(5)]
        await admission.tend()
        assert admission.unsent == 1, "the others go, however many come after it"
        assert await admission.settle(decided[0], Tokens(input=10))

    admission(scene)
    assert open_reservations(valkey_url) == 2


def test_a_caller_that_is_gone_before_the_decision_has_reserved_nothing(
    admission: Stage, valkey_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("capacity.gateway.batches.GATHERED", 0.0)  # Each is sent at once.
    acme, small = organization(), pool(input=100)

    async def scene(admission: Admission) -> None:
        for turns in (1, 3):  # Of the loop: before the question is sent, and afterwards.
            gone = asyncio.create_task(admission.admit(request(small, of=acme, input=100)))
            for _ in range(turns):
                await asyncio.sleep(0)
            gone.cancel()
            with pytest.raises(asyncio.CancelledError):
                await gone
        await admission.close()
        assert used(await admission.admit(request(small, of=acme, input=1))) == [0]

    admission(scene)
    with connect_blocking(valkey_url) as valkey:
        entries = sum(valkey.xlen(shard.stream) for shard in ALL_SHARDS)
    assert (open_reservations(valkey_url), entries) == (1, 1), "the second was given back"


def test_a_caller_that_leaves_in_the_moment_of_the_decision_has_reserved_nothing(
    admission: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    acme, small = organization(), pool(input=100)
    give = ShardBatches._give

    async def scene(admission: Admission) -> None:
        gone = asyncio.create_task(admission.admit(request(small, of=acme, input=100)))

        def give_and_leave(self: ShardBatches, question: Question, line: bytes | None) -> None:
            give(self, question, line)
            gone.cancel()

        monkeypatch.setattr(ShardBatches, "_give", give_and_leave)
        with pytest.raises(asyncio.CancelledError):
            await gone
        monkeypatch.setattr(ShardBatches, "_give", give)
        assert used(await admission.admit(request(small, of=acme, input=1))) == [0]

    admission(scene)


def test_a_batch_of_those_who_left_holds_nobody_up(
    admission: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("capacity.gateway.batches.MOST_TOGETHER", 1)
    acme, small = organization(), pool(input=100)

    async def scene(admission: Admission) -> None:
        gone, other = (
            asyncio.create_task(admission.admit(request(small, of=acme, input=1))) for _ in range(2)
        )
        await asyncio.sleep(0)
        gone.cancel()
        async with asyncio.timeout(10):
            assert (await other).is_counted

    admission(scene)
