"""Organizations, pools and requests as the gateway holds them in memory."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from itertools import count
from typing import Any

from django.db import connection

from capacity.gateway import rows
from capacity.gateway.entitlements import (
    Entitlements,
    OrganizationState,
    Plan,
    PoolState,
    SnapshotState,
    Step,
)
from capacity.gateway.requests import AdmissionRequest, Tokens
from capacity.usage.domain.coverage import SCALE, Weights

numbers: Iterator[int] = count(1)

NOON = datetime(2026, 1, 10, 12, 0, tzinfo=UTC)
SNAPSHOT = SnapshotState(7, "grok", Weights(SCALE // 4, 6 * SCALE), {"input": 100, "output": 100})
ANY = Plan(rpm=10**6, tpm=10**9)


def pool(*later: tuple[date, Mapping[str, int]], **tokens: int) -> PoolState:
    """A pool that allows so many tokens of each kind in a window, and others from later days on."""
    pk = next(numbers)
    first = Step(date(2026, 1, 1), tokens)
    steps = (first, *(Step(day, allowed) for day, allowed in later))
    return PoolState(pk, f"pt_{pk}", SNAPSHOT.pk, is_default=False, steps=steps)


def organization(clock_at: datetime | None = None) -> OrganizationState:
    pk = next(numbers)
    return OrganizationState(pk, f"org_{pk}", clock_at)


def request(
    *pools: PoolState,
    input: int = 0,  # noqa: A002 - as `Tokens` calls it
    output: int = 0,
    of: OrganizationState | None = None,
    **fields: Any,
) -> AdmissionRequest:
    return replace(
        AdmissionRequest(
            id=f"request-{next(numbers)}",
            organization=of or organization(),
            key="key_1",
            project="proj_1",
            snapshot=SNAPSHOT,
            estimate=Tokens(input, output),
            plan=ANY,
            pools=pools,
        ),
        **fields,
    )


def entitlements(default_plan: Plan = ANY) -> Entitlements:
    """What a gateway would load now, by this test's connection and in its transaction."""

    def fetch(statement: str) -> list[tuple[Any, ...]]:
        with connection.cursor() as cursor:
            cursor.execute(statement)
            return list(cursor.fetchall())

    loaded = Entitlements(default_plan)
    loaded.replace_snapshots(rows.read_snapshots(fetch(rows.SNAPSHOTS)))
    retirements = {each.pk: each.retires_on for each in loaded.snapshots if each.retires_on}
    results = [fetch(rows.statement(text, everything=True)) for text in rows.OF_ORGANIZATIONS]
    for state, keys in rows.read_organizations(results, retirements, default_plan):
        loaded.replace_organization(state, keys)
    return loaded
