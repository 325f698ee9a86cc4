"""Entitlements in memory: every kind of change is seen within two seconds, by whatever made it."""

import asyncio
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import date
from functools import partial
from math import inf
from pathlib import Path
from threading import Event, Thread
from time import monotonic, sleep, time
from typing import Any

import psycopg
import pytest
from django.db import connection

from accounts.models import ApiKey, User
from accounts.operations.api_keys import create_api_key, revoke_api_key
from accounts.operations.changes import Caller as ChangeCaller
from accounts.operations.members import remove_member
from accounts.operations.projects import change_project, create_project
from accounts.operations.sign_in_requirements import set_sign_in_requirements
from capacity.gateway import loader
from capacity.gateway.entitlements import Caller, Entitlements, Plan
from capacity.gateway.last_known import LastKnown
from capacity.gateway.loader import Loader, connection_parameters
from capacity.models import AccountPlan, Snapshot
from capacity.operations.clock import advance_clock
from capacity.operations.pools import create_pool
from common.tokens import digest
from tests.cast import GROK, Acme, at, day, give_second_factor, load_catalogue, make_acme
from tests.loops import run

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

MOST_SECONDS = 2.0
DEFAULT_PLAN = Plan(rpm=100, tpm=10_000)
INPUT, OUTPUT = 31_500 * 15, 12_500 * 15
"""What one unit of Grok allows in a window."""


@dataclass
class Gateway:
    """Entitlements that a loader keeps in step, in an event loop of its own."""

    entitlements: Entitlements
    loader: Loader

    def sees(self, check: Callable[[], object]) -> None:
        """Wait until the check holds; it must within two seconds."""
        deadline = monotonic() + MOST_SECONDS
        while not check():
            assert monotonic() < deadline, "it was not seen"
            sleep(0.002)

    def caller(self, secret: str) -> Caller:
        caller = self.entitlements.caller(secret)
        assert caller is not None
        return caller

    def allows(self, secret: str, on: str) -> list[dict[str, int]]:
        """The allowances of Grok's pools on a service day, in the order in which they are tried."""
        snapshot = self.entitlements.snapshot(GROK)
        assert snapshot is not None
        pools = self.entitlements.pools(self.caller(secret).organization, snapshot)
        return [dict(pool.allowance(day(on))) for pool in pools]


def alice_of(acme: Acme) -> ChangeCaller:
    """Alice, a day after everything began; a change happens on the open day at the earliest."""
    return {"organization": acme.organization, "by": acme.alice, "now": at("2026-01-02")}


@contextmanager
def gateway(last_known: LastKnown | None = None, *, longest_age: float = inf) -> Iterator[Gateway]:
    entitlements = Entitlements(DEFAULT_PLAN)
    keeper = Loader(entitlements, connection_parameters(), last_known, longest_age=longest_age)
    stop, loop = Event(), asyncio.new_event_loop()

    async def keep() -> None:
        running = asyncio.gather(keeper.run(), keeper.tend())
        await asyncio.to_thread(stop.wait)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    thread = Thread(target=lambda: loop.run_until_complete(keep()))
    thread.start()
    try:
        started = Gateway(entitlements, keeper)
        started.sees(lambda: entitlements.loaded_at)
        yield started
    finally:
        stop.set()
        thread.join()
        loop.close()


def test_every_kind_of_change_is_seen_within_two_seconds() -> None:
    load_catalogue()
    acme = make_acme("2026-01-01")
    with gateway() as seen:
        secret = a_key_works_until_it_is_revoked(acme, seen)
        a_project_is_made_and_archived(acme, seen, secret)
        units_are_bought_end_and_expire(acme, seen, secret)
        a_pool_is_made_a_plan_is_set_and_the_model_retires(acme, seen, secret)
        a_second_factor_is_required_and_set_up(acme, seen, secret)
        people_are_deactivated_and_removed(acme, seen)
        the_clock_of_a_sandbox_is_moved(seen)
        assert seen.loader.age() < MOST_SECONDS


def a_key_works_until_it_is_revoked(acme: Acme, seen: Gateway) -> str:
    who = alice_of(acme)
    key, secret = create_api_key(name="Script", **who)
    seen.sees(lambda: seen.entitlements.caller(secret))
    caller = seen.caller(secret)
    default = acme.organization.projects.get()
    assert (caller.key, caller.project) == (key.public_id, default.public_id)
    assert caller.organization.public_id == acme.organization.public_id
    assert seen.entitlements.caller(secret + "x") is None
    revoke_api_key(key_id=key.public_id, **who)
    seen.sees(lambda: not seen.entitlements.caller(secret))
    another = create_api_key(name="Another", **who)[1]
    seen.sees(lambda: seen.entitlements.caller(another))
    return another


def a_project_is_made_and_archived(acme: Acme, seen: Gateway, secret: str) -> None:
    who = alice_of(acme)
    public_id = create_project(name="Search", **who).public_id
    seen.sees(lambda: seen.caller(secret).organization.project(public_id))
    _, of_project = create_api_key(name="Searching", project=public_id, **who)
    seen.sees(lambda: seen.entitlements.caller(of_project))
    assert seen.caller(of_project).project == public_id
    change_project(project_id=public_id, archived=True, **who)
    project = lambda: seen.caller(secret).organization.project(public_id)  # noqa: E731
    seen.sees(lambda: (state := project()) and state.is_archived)


def units_are_bought_end_and_expire(acme: Acme, seen: Gateway, secret: str) -> None:
    first = acme.buys("2026-01-10", input=2, output=1)
    seen.sees(lambda: seen.allows(secret, "2026-01-10") == [{"input": 2 * INPUT, "output": OUTPUT}])
    acme.cancels(acme.lot(first), 1, "2026-01-20")
    seen.sees(lambda: seen.allows(secret, "2026-02-09") == [{"input": INPUT, "output": OUTPUT}])
    # Known ends count from their midnight on, whenever the day is opened.
    assert seen.allows(secret, "2026-02-08") == [{"input": 2 * INPUT, "output": OUTPUT}]
    acme.open_days("2026-02-09")
    seen.sees(lambda: seen.allows(secret, "2026-02-08") == [{"input": INPUT, "output": OUTPUT}])
    acme.form_ends("2026-03-01", on="2026-02-20")
    acme.open_days("2026-03-01")
    seen.sees(lambda: seen.allows(secret, "2026-03-01") == [{}])


def a_pool_is_made_a_plan_is_set_and_the_model_retires(
    acme: Acme, seen: Gateway, secret: str
) -> None:
    acme.signs("2026-03-01", on="2026-03-01")
    acme.buys("2026-03-02", input=1)
    create_pool(
        organization=acme.organization,
        model=GROK,
        name="Batch",
        by=acme.alice,
        now=at("2026-03-02"),
    )
    seen.sees(lambda: seen.allows(secret, "2026-03-02") == [{"input": INPUT}, {}])
    grok = seen.entitlements.snapshot(GROK)
    assert grok is not None
    assert grok.kinds == {"input", "output"}
    plan = lambda: seen.entitlements.plan(seen.caller(secret).organization, grok)  # noqa: E731
    assert plan() == DEFAULT_PLAN
    snapshot = Snapshot.objects.get(model=GROK)
    AccountPlan.objects.create(organization=acme.organization, snapshot=snapshot, rpm=7)
    seen.sees(lambda: plan() == Plan(rpm=7, tpm=DEFAULT_PLAN.tpm))
    Snapshot.objects.filter(model=GROK).update(retires_on=date(2026, 4, 10))
    seen.sees(lambda: seen.allows(secret, "2026-04-10") == [{}, {}])
    assert seen.allows(secret, "2026-04-09") == [{"input": INPUT}, {}]
    pool = seen.entitlements.pools(seen.caller(secret).organization, grok)[0]
    assert pool.holds_until(day("2026-04-09")) == date(2026, 4, 10)


def a_second_factor_is_required_and_set_up(acme: Acme, seen: Gateway, secret: str) -> None:
    _, bobs = create_api_key(name="Bob's", **alice_of(acme) | {"by": acme.bob})
    give_second_factor(acme.alice)
    set_sign_in_requirements(
        organization=acme.organization,
        second_factor=True,
        by=acme.alice,
        now=at("2026-03-03"),
    )
    seen.sees(lambda: (bob := seen.entitlements.caller(bobs)) and bob.refused_from)
    assert seen.caller(bobs).refused_from == date(2026, 3, 10)
    assert seen.caller(secret).refused_from is None
    assert not seen.caller(bobs).is_refused(day("2026-03-09"))
    assert seen.caller(bobs).is_refused(day("2026-03-10"))
    give_second_factor(acme.bob)
    seen.sees(lambda: seen.caller(bobs).refused_from is None)


def people_are_deactivated_and_removed(acme: Acme, seen: Gateway) -> None:
    keys = {key.user_id: key.digest for key in ApiKey.objects.filter(revoked_at=None)}
    known = seen.entitlements._callers
    bob, alice = acme.bob.person, acme.alice.person
    assert {keys[bob.pk], keys[alice.pk]} <= known.keys()
    User.objects.filter(pk=alice.pk).update(is_active=False)
    seen.sees(lambda: keys[alice.pk] not in known)
    remove_member(
        organization=acme.organization, user_id=bob.public_id, by=acme.alice, now=at("2026-03-03")
    )
    seen.sees(lambda: keys[bob.pk] not in known)


def the_clock_of_a_sandbox_is_moved(seen: Gateway) -> None:
    sandbox = make_acme("2026-01-01", is_sandbox=True)
    organization = sandbox.organization
    _, secret = create_api_key(name="Script", **alice_of(sandbox))
    seen.sees(lambda: seen.entitlements.caller(secret))
    assert seen.caller(secret).organization.clock_at == at("2026-01-01", "00:00")
    advance_clock(organization=organization, to=at("2026-01-03", "10:30"), by=sandbox.alice)
    seen.sees(lambda: seen.caller(secret).organization.clock_at == at("2026-01-03", "10:30"))


def test_what_was_known_last_counts_while_the_database_is_away_but_not_for_ever(
    tmp_path: Path,
) -> None:
    load_catalogue()
    acme = make_acme("2026-01-01")
    who = alice_of(acme)
    _, secret = create_api_key(name="Script", **who)
    on_disk = LastKnown(tmp_path / "last_known", "database")
    on_disk.replace([])
    gone: list[list[Any]] = [
        [("org_gone", None, None)],
        [],
        [(digest("of gone"), "key", None, False)],
        *[[]] * 4,
    ]
    on_disk.put({acme.organization.pk + 1: gone}, gone=())
    run(on_disk.keep(time()))
    with gateway() as seen, gateway(longest_age=1) as strict, ExitStack() as until_end:
        strict.sees(lambda: strict.entitlements.caller(secret))
        with database_refuses_connections():
            started = until_end.enter_context(gateway(on_disk))
            assert started.loader.is_recalled
            assert started.entitlements.caller("of gone")
            strict.sees(lambda: strict.entitlements.loaded_at is None)
            assert seen.loader.age() > 1
            assert seen.entitlements.caller(secret)
            _, new = create_api_key(name="Made meanwhile", **who)
        for each in (seen, strict, started):
            each.sees(partial(each.entitlements.caller, new))
            assert each.entitlements.loaded_at
            assert each.loader.age() < MOST_SECONDS
            assert not each.loader.is_recalled
        assert not started.entitlements.caller("of gone")


def test_a_database_that_hangs_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loader, "ANSWER_SECONDS", 0.2)
    load_catalogue()
    who = alice_of(make_acme("2026-01-01"))
    with gateway() as seen, connection.cursor() as cursor:
        cursor.execute(
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database()"
            " AND backend_type = 'client backend' AND pid <> pg_backend_pid()"
        )
        [(backend,)] = cursor.fetchall()
        os.kill(backend, signal.SIGSTOP)
        try:
            seen.sees(lambda: seen.loader.is_away)
            _, secret = create_api_key(name="Script", **who)
            seen.sees(lambda: seen.entitlements.caller(secret))
        finally:
            os.kill(backend, signal.SIGCONT)


@contextmanager
def database_refuses_connections() -> Iterator[None]:
    """Whoever is connected is cut off, but for this connection, and nobody gets in."""
    parameters = connection_parameters()
    with psycopg.connect(**{**parameters, "dbname": "postgres"}, autocommit=True) as outside:
        name = parameters["dbname"]
        outside.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
        try:
            with connection.cursor() as cursor:
                cursor.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )
            yield
        finally:
            outside.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')
