"""Admission in a real Valkey: what capacity serves, the account plan, or nobody (R15, R25)."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from capacity.gateway.admission import Admission
from capacity.gateway.decisions import Limit, Reason, Refusal, Served, WindowState
from capacity.gateway.entitlements import Plan
from capacity.gateway.requests import Tokens
from tests.capacity.gateway.people import NOON, organization, pool, request
from tests.capacity.gateway.scenes import Stage, open_reservations, used

SECOND = timedelta(seconds=1)


def set_clock(admission: Admission, now: datetime) -> None:
    admission.now = int(now.timestamp() * 1000)


def test_a_request_that_fits_exactly_is_served_and_its_estimate_gives_way_to_the_actual(
    admission: Stage, valkey_url: str
) -> None:
    """The example of R15."""
    grok, acme = pool(input=472_500, output=187_500), organization()

    async def scene(admission: Admission) -> None:
        earlier = await admission.admit(request(grok, of=acme, output=187_000))
        await admission.settle(earlier, Tokens(output=187_000))
        unlimited = await admission.admit(request(grok, of=acme, input=10, output=1_024))
        assert (unlimited.served, unlimited.reason) == (Served.DEFAULT, Reason.WINDOW_EXHAUSTED)
        assert unlimited.limits == [
            Limit("input", 472_500, 472_500),
            Limit("output", 187_500, 500),
        ]
        fits = await admission.admit(request(grok, of=acme, input=10, output=500))
        assert (fits.served, fits.reason, fits.pool) == (Served.SCALE, None, grok.public_id)
        assert fits.windows == [
            WindowState(grok.public_id, "input", 472_500, 0),
            WindowState(grok.public_id, "output", 187_500, 187_000),
        ]
        assert [limit.remaining for limit in fits.limits] == [472_490, 0]
        assert (fits.at, fits.resets_in) == (NOON, 900)
        await admission.settle(fits, Tokens(input=10, output=320))
        await admission.settle(fits, Tokens(input=10, output=320))  # Once more changes nothing.
        await admission.settle(unlimited, None)
        assert used(await admission.admit(request(grok, of=acme, input=1))) == [10, 187_320]

    admission(scene)
    assert open_reservations(valkey_url) == 1


def test_every_kind_is_checked_in_every_pool_before_any_is_taken(
    admission: Stage,
) -> None:
    acme = organization()
    first, second, third = pool(input=100, output=10), pool(input=100), pool(combined=1_000)

    async def scene(admission: Admission) -> None:
        both = await admission.admit(request(first, second, third, of=acme, input=50, output=20))
        assert both.pool == third.public_id, "the first lacks output, the second has no such units"
        assert both.windows == [
            WindowState(first.public_id, "input", 100, 0),
            WindowState(first.public_id, "output", 10, 0),
            WindowState(third.public_id, "combined", 1_000, 0),
        ]
        assert both.limits == [Limit("combined", 1_000, 1_000 - 50 - 6 * 20)]
        embedding = await admission.admit(request(first, second, third, of=acme, input=60))
        assert (embedding.pool, used(embedding)) == (first.public_id, [0, 0])
        embedding = await admission.admit(request(first, second, third, of=acme, input=60))
        assert (embedding.pool, used(embedding)) == (second.public_id, [60, 0, 0])
        named = await admission.admit(request(first, of=acme, input=60, names_pool=True))
        assert (named.served, named.pool) == (Served.DEFAULT, first.public_id)
        disabled = await admission.admit(request(first, of=acme, input=1, disabled=True))
        assert (disabled.reason, disabled.pool, disabled.windows) == (Reason.DISABLED, None, [])
        without = await admission.admit(request(second, of=acme, output=1))
        assert (without.reason, without.limits) == (Reason.NO_CAPACITY, [])

    admission(scene)


def test_what_was_used_counts_by_its_weights_also_above_the_estimate(
    admission: Stage,
) -> None:
    acme, combined = organization(), pool(combined=1_000)

    async def scene(admission: Admission) -> None:
        decision = await admission.admit(request(combined, of=acme, input=400, output=50))
        assert decision.limits[0].remaining == 300
        await admission.settle(decision, Tokens(input=400, cached=400, output=200))
        after = await admission.admit(request(combined, of=acme, input=1))
        assert (after.served, used(after)) == (Served.DEFAULT, [100 + 6 * 200])
        assert after.limits[0].remaining == 0
        unused = await admission.admit(request(combined, input=1_000))
        await admission.settle(unused, None)
        again = replace(request(combined, input=1_000), organization=organization())
        assert (await admission.admit(again)).served == Served.SCALE

    admission(scene)


def test_a_window_ends_at_the_quarter_of_the_hour_and_late_figures_stay_in_theirs(
    admission: Stage,
) -> None:
    acme, small = organization(), pool(input=100)

    async def scene(admission: Admission) -> None:
        set_clock(admission, NOON + 900 * SECOND - timedelta(milliseconds=1))
        last = await admission.admit(request(small, of=acme, input=100))
        assert last.resets_in == 1
        assert (await admission.admit(request(small, of=acme, input=1))).served == Served.DEFAULT
        set_clock(admission, NOON + 900 * SECOND)
        first = await admission.admit(request(small, of=acme, input=60))
        assert (first.served, first.resets_in, used(first)) == (Served.SCALE, 900, [0])
        await admission.settle(last, Tokens(input=90))
        assert used(await admission.admit(request(small, of=acme, input=1))) == [60]

    admission(scene)


def test_units_that_end_at_midnight_allow_nothing_from_then_on_whoever_is_late(
    admission: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The gateway's clock is a second behind Valkey's."""
    acme = organization()
    ending = pool((date(2026, 1, 11), {"input": 10}), input=100)
    before_midnight = datetime(2026, 1, 10, 23, 59, 59, tzinfo=UTC)

    async def scene(admission: Admission) -> None:
        set_clock(admission, before_midnight)
        assert (await admission.admit(request(ending, of=acme, input=50))).limits[0].limit == 100
        set_clock(admission, before_midnight + SECOND)
        monkeypatch.setattr(Admission, "_real_now", lambda self: before_midnight)
        late = await admission.admit(request(ending, of=acme, input=50))
        assert (late.served, late.limits) == (Served.DEFAULT, [Limit("input", 10, 10)])
        assert (await admission.admit(request(ending, of=acme, input=10))).served == Served.SCALE

    admission(scene)


def test_a_window_of_a_sandbox_stays_exhausted_until_its_clock_is_moved(
    admission: Stage,
) -> None:
    small = pool(input=100)
    sandbox = organization(datetime(2025, 5, 1, 10, 7, tzinfo=UTC))
    moved = replace(sandbox, clock_at=datetime(2025, 5, 1, 10, 15, tzinfo=UTC))

    async def scene(admission: Admission) -> None:
        full = await admission.admit(request(small, of=sandbox, input=100))
        assert (full.at, full.resets_in) == (sandbox.clock_at, 8 * 60)
        set_clock(admission, NOON + timedelta(days=3))
        assert (await admission.admit(request(small, of=sandbox, input=1))).served == Served.DEFAULT
        assert (await admission.admit(request(small, of=moved, input=1))).served == Served.SCALE

    admission(scene)


def test_the_account_plan_counts_requests_and_tokens_of_a_minute_of_the_real_clock(
    admission: Stage,
) -> None:
    sandbox, plan = organization(NOON), Plan(rpm=2, tpm=1_000)
    full = pool(input=5_000)

    async def scene(admission: Admission) -> None:
        set_clock(admission, NOON + 50 * SECOND)
        # What capacity serves takes nothing from the plan.
        served = await admission.admit(request(full, of=sandbox, input=5_000, plan=plan))
        assert served.served == Served.SCALE
        first = await admission.admit(request(of=sandbox, input=900, output=100, plan=plan))
        tokens = await admission.admit(request(of=sandbox, input=1, plan=plan))
        assert (first.served, tokens.served) == (Served.DEFAULT, Served.REFUSED)
        assert (tokens.refusal, tokens.retry_after, tokens.bucket) == (Refusal.TOKENS, 10, "")
        await admission.settle(first, Tokens(input=900, cached=900, output=10))
        assert (await admission.admit(request(of=sandbox, input=90, plan=plan))).refusal is None
        third = await admission.admit(request(of=sandbox, input=0, plan=plan))
        assert (third.refusal, third.reason) == (Refusal.REQUESTS, Reason.NO_CAPACITY)
        set_clock(admission, NOON + 60 * SECOND)
        again = await admission.admit(request(of=sandbox, input=1_000, plan=plan))
        assert again.served == Served.DEFAULT
        large = await admission.admit(request(of=sandbox, input=1_001, plan=plan))
        assert (large.refusal, large.retry_after) == (Refusal.TOO_LARGE, 60)
        acme = organization()
        await admission.admit(request(full, of=acme, input=5_000, plan=plan))
        large = await admission.admit(request(full, of=acme, input=5_000, plan=plan))
        assert (large.refusal, large.retry_after) == (Refusal.TOO_LARGE, 840), "the window's end"

    admission(scene)


def test_a_reservation_that_nobody_renews_lapses_and_a_late_settlement_still_counts_once(
    admission: Stage, valkey_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    acme, small = organization(), pool(input=100)

    async def scene(killed: Admission) -> None:
        other = Admission(killed.valkey, now=NOON)
        kept = await other.admit(request(small, of=acme, input=40))
        lost = await killed.admit(request(small, of=acme, input=50))
        on_plan = await killed.admit(request(of=acme, input=50))
        monkeypatch.setattr("capacity.gateway.admission.RENEW_AFTER", -1.0)
        set_clock(other, NOON + 40 * SECOND)
        await other.tend()
        assert open_reservations(valkey_url) == 3
        set_clock(other, NOON + 60 * SECOND)
        await other.tend()
        assert open_reservations(valkey_url) == 1
        assert used(await other.admit(request(small, of=acme, input=0))) == [40]
        for _ in range(2):
            await killed.settle(lost, Tokens(input=70))
            await killed.settle(on_plan, Tokens(input=70))
        assert used(await other.admit(request(small, of=acme, input=0))) == [110]
        await other.settle(kept, Tokens(input=1))
        assert used(await other.admit(request(small, of=acme, input=0))) == [71]

    admission(scene)
