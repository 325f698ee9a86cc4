"""`manage.py gateway` as it runs in production: several processes, killed and stopped, under load.

All tests share one installation, and most of them one start of the gateway.
"""

import json
import os
import re
import signal
import stat
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest
from django.conf import settings

from capacity.gateway.valkey import connect_blocking
from capacity.models import GatewayRequest, Kind
from capacity.usage.queries.usage import View, usage
from scaletier.devserver.upstream.server import DemoUpstream
from tests.capacity.gateway.installation import READY, Customer, Installation
from tests.capacity.gateway.load import WISHES, ask_at_once, keep_busy
from tests.capacity.gateway.processes import STOP_SECONDS, Asked, Database, Gateway, wait
from tests.cast import at, load_catalogue
from tests.loops import run
from tests.site import temporary_home

pytestmark = [pytest.mark.django_db, pytest.mark.slow]

ALLOWANCE = 12_500 * 15
"""Output tokens of one unit in a window."""
STREAMED = 10
SERVED = ("scale", "default")
NOT_READY = {
    "ready": False,
    "missing": ["Entitlements are not loaded: the database does not answer."],
    "degraded": [],
}


@pytest.fixture(scope="module")
def installation(django_db_setup: None, django_db_blocker: Any) -> Iterator[Installation]:
    with (
        django_db_blocker.unblock(),
        temporary_home() as home,
        DemoUpstream(key="platform") as upstream,
        connect_blocking(settings.GATEWAY_VALKEY_URL) as valkey,
    ):
        if keys := list(valkey.scan_iter("gateway:*")):
            valkey.delete(*keys)
        database = Database(home / "postgresql")
        database.start()
        database.copy_tables()
        with database.used_by_django():
            load_catalogue()
        gateway = Gateway(home, database, upstream)
        yield Installation(gateway, database, upstream, valkey)
        if gateway.is_running:
            gateway.stop()
        database.stop()


@pytest.fixture
def site(installation: Installation, db: None) -> Iterator[Installation]:
    with installation.database.used_by_django():
        yield installation


def test_a_gateway_without_database_and_last_known_entitlements_waits(site: Installation) -> None:
    gateway = site.gateway
    if gateway.is_running:
        gateway.stop()
    gateway.last_known.unlink(missing_ok=True)
    site.database.stop()
    gateway.start()
    assert "The database does not answer" in gateway.output
    assert gateway.get("/healthz") == (200, "ok")
    wait(lambda: gateway.readiness() == (503, NOT_READY))
    assert gateway.status("any") == 503
    site.database.start()
    wait(lambda: gateway.readiness() == (200, READY))
    wait(lambda: gateway.status("any") == 401)


def test_under_load_capacity_is_never_passed_and_every_token_is_metered(
    site: Installation,
) -> None:
    gateway, customer = site.up(), site.customer()
    site.upstream.produced.clear()
    before = {each: gateway.metric("requests_total", served=each) for each in SERVED}
    answers = run(ask_at_once(gateway.port, customer.secret))
    wait(lambda: len(customer.requests()) == len(WISHES))
    used, output = (sum(tokens) for tokens in zip(*site.upstream.produced, strict=True))
    assert output == sum(wish.tokens for wish in WISHES)
    assert customer.counted() == (len(WISHES), used, output)

    served = spilled_as_said(answers)
    rows = customer.requests()
    assert {each: sum(row.served == each for row in rows) for each in SERVED} == served
    spent = admitted_within_the_allowance([row for row in rows if row.served == "scale"])
    # Nothing is reserved any more: what is left is what was not spent.
    assert site.valkey.zcard(customer.shard.open) == 0
    last = gateway.ask(customer.secret, "[[tokens 1]]", max_tokens=1).answer
    left = int(last.headers["x-pt-remaining-output-tokens"])
    assert left == max(0, ALLOWANCE - spent - 1)
    what_went_over_is_account_plan(customer, output)

    for each in SERVED:
        more = served[each] + (last.headers["x-pt-served"] == each)
        wait(partial(has_risen, gateway, each, before[each] + more))
    figures = gateway.metrics.glob("counter_*.db")
    assert gateway.workers <= {int(file.stem.split("_")[1]) for file in figures}
    wait(lambda: gateway.metric("open_requests") == gateway.metric("open_streams") == 0)


def spilled_as_said(answers: Sequence[Mapping[str, str]]) -> dict[str, int]:
    """Return how many answers say that capacity served them, and how many the account plan."""
    reasons = Counter(headers.get("x-pt-reason") for headers in answers)
    assert reasons["window_exhausted"] > 0
    assert reasons["disabled"] == sum(wish.declines for wish in WISHES)
    assert reasons.keys() == {None, "window_exhausted", "disabled"}
    served = {each: sum(headers["x-pt-served"] == each for headers in answers) for each in SERVED}
    assert served["scale"] == reasons[None]
    return served


def admitted_within_the_allowance(rows: Sequence[GatewayRequest]) -> int:
    """Each found room for all that it reserved. Returns the output tokens that they used."""
    for row in rows:
        [window] = [window for window in row.windows if window["kind"] == "output"]
        assert window["used"] + row.estimate["output"] <= window["limit"] == ALLOWANCE
    spent = sum(row.actual["output"] for row in rows if row.actual)
    assert ALLOWANCE // 2 < spent <= ALLOWANCE
    return int(spent)


def what_went_over_is_account_plan(customer: Customer, output: int) -> None:
    """What capacity covers goes by the window (R14): all that did not decline it, up to its end."""
    organization, kind = customer.acme.organization, Kind.OUTPUT
    totals = usage(organization, view=View.DAYS, now=at("2026-01-10"), kind=kind).totals
    declined = sum(row.output_tokens for row in customer.minutes() if row.opted_out)
    assert declined == sum(wish.tokens for wish in WISHES if wish.declines)
    assert totals["scale"] == ALLOWANCE
    assert totals["account"] == output - ALLOWANCE


def has_risen(gateway: Gateway, served: str, number: float) -> bool:
    """Whether the processes together have served so many requests."""
    return gateway.metric("requests_total", served=served) == number


def test_threads_that_hold_the_gil_share_a_core_while_they_are_busy(site: Installation) -> None:
    gateway, customer = site.up(), site.customer()
    everywhere = frozenset(os.sched_getaffinity(0))

    def are_together(worker: int) -> bool:
        threads = gateway.threads_of(worker)
        with_gil = {each for each in threads if not each.name.startswith("tokio")}
        others = {each.cores for each in {*threads} - with_gil}
        [cores, *more] = {each.cores for each in with_gil}
        return (
            (len(cores), more, others) == (1, [], {everywhere})
            and {each.policy for each in threads} == {os.SCHED_BATCH}
            and "pyreqwest" in {each.name for each in with_gil}
        )

    def are_together_under_load() -> bool:
        run(keep_busy(gateway.port, customer.secret))
        return any(are_together(worker) for worker in gateway.workers)

    def are_free(worker: int) -> bool:
        placed = {(each.cores, each.policy) for each in gateway.threads_of(worker)}
        return placed == {(everywhere, os.SCHED_OTHER)}

    run(ask_at_once(gateway.port, customer.secret))
    wait(are_together_under_load)
    wait(lambda: all(are_free(worker) for worker in gateway.workers))


def test_a_killed_process_is_replaced_and_gives_back_what_it_reserved(site: Installation) -> None:
    gateway, customer = site.up(), site.customer()
    victim, other = sorted(gateway.workers)
    broken, whole = streams_of_both(gateway, customer, victim, other)
    os.kill(victim, signal.SIGKILL)
    assert not any(b"[DONE]" in asked.events() for asked in broken)
    assert all(asked.events()[-1] == b"[DONE]" for asked in whole)
    wait(lambda: len(gateway.workers) == 2 and victim not in gateway.workers)
    assert other in gateway.workers

    shard, valkey = customer.shard, site.valkey
    wait(lambda: valkey.zcard(shard.open) == len(broken))
    # A minute passes: those whom nobody renews lapse.
    valkey.zadd(shard.open, dict.fromkeys(valkey.zrange(shard.open, 0, -1), 1))
    wait(lambda: valkey.zcard(shard.open) == 0)
    wait(lambda: len(customer.requests()) == len(broken) + len(whole))
    assert sum(row.actual is None for row in customer.requests()) == len(broken)
    assert customer.counted()[0::2] == (len(whole), STREAMED * len(whole))
    last = gateway.ask(customer.secret, "[[tokens 1]]", max_tokens=1).answer
    left = int(last.headers["x-pt-remaining-output-tokens"])
    assert left == ALLOWANCE - STREAMED * len(whole) - 1
    wait(lambda: gateway.metric("open_streams") == 0)


def streams_of_both(
    gateway: Gateway, customer: Customer, first: int, second: int
) -> tuple[list[Asked], list[Asked]]:
    """Open streams until each of two processes has some; the system chooses which one gets it."""
    prompt = f"[[tokens {STREAMED}]] [[pace 0.1]]"
    streams: list[Asked] = []
    while True:
        of_both = [gateway.connections_of(worker) for worker in (first, second)]
        ours = [[each for each in streams if each.port in ports] for ports in of_both]
        if all(ours):
            return ours[0], ours[1]
        streams.append(gateway.ask(customer.secret, prompt, stream=True, max_tokens=STREAMED))


def test_while_the_database_is_stopped_requests_are_served_and_later_its_changes_seen(
    site: Installation,
) -> None:
    gateway, customer = site.up(), site.customer()
    site.database.stop()
    wait(lambda: gateway.readiness()[1]["degraded"])
    status, ready = gateway.readiness()
    assert (status, ready["ready"]) == (200, True)
    assert "The database does not answer" in ready["degraded"][0]
    assert gateway.ask(customer.secret, "[[tokens 1]]").answer.headers["x-pt-served"] == "scale"
    site.database.start()
    new = customer.new_key()
    wait(lambda: gateway.status(new) == 200)
    wait(lambda: gateway.readiness() == (200, READY))
    wait(lambda: len(customer.requests()) == 1)


def test_a_stop_lets_requests_end_and_breaks_off_those_that_take_longer(site: Installation) -> None:
    gateway, customer = site.up(), site.customer()
    site.upstream.seen.clear()
    with ThreadPoolExecutor() as threads:

        def ask(prompt: str, *, stream: bool) -> Future[Asked]:
            return threads.submit(gateway.ask, customer.secret, prompt, stream=stream)

        plain, silent = ask("[[hang]]", stream=False), ask("[[hang]]", stream=True)
        short = ask("[[tokens 5]] [[pace 0.1]]", stream=True).result()
        long = ask("[[tokens 900]] [[pace 0.1]]", stream=True).result()
        wait(lambda: len(site.upstream.seen) == 4)
        assert gateway.main
        gateway.main.terminate()
        wait(lambda: not gateway.accepts())
        assert short.events()[-1] == b"[DONE]"
        *came, end = long.events()
        assert json.loads(end)["error"]["code"] == "stopping"
        assert {plain.result().answer.status, silent.result().answer.status} == {503}
        assert gateway.main.wait(STOP_SECONDS + 8) == 0
    texts = [json.loads(event)["choices"][0]["delta"]["content"] for event in came]
    tokens = sum(map(bool, texts))
    assert tokens > 10
    rows = customer.requests()
    assert sorted(row.actual["output"] for row in rows if row.actual) == [0, 5, tokens]
    assert customer.counted()[0::2] == (3, 5 + tokens)
    assert len(rows) == 4
    assert site.valkey.zcard(customer.shard.open) == 0


def test_a_start_without_the_database_begins_with_what_was_known_last(site: Installation) -> None:
    gateway, customer = site.up(), site.customer()
    assert gateway.stop() == 0
    assert stat.S_IMODE(gateway.last_known.stat().st_mode) == 0o600
    assert customer.secret.encode() not in gateway.last_known.read_bytes()
    site.database.stop()
    gateway.start()
    wait(lambda: gateway.readiness()[0] == 200)
    [degraded] = gateway.readiness()[1]["degraded"]
    assert re.search(r"entitlements are those of \d+ seconds ago, read from the disk", degraded)
    assert "began with the entitlements of" in gateway.output
    answer = gateway.ask(customer.secret, "[[tokens 3]]").answer
    assert (answer.status, answer.headers["x-pt-served"]) == (200, "scale")
    assert gateway.status(customer.secret + "x") == 401
    site.database.start()
    customer.revoke_key()
    wait(lambda: gateway.status(customer.secret) == 401)
    wait(lambda: gateway.readiness() == (200, READY))
    wait(lambda: customer.counted()[0::2] == (1, 3) if customer.requests() else False)
