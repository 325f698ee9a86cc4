"""Where a request would land if it came now (R15): what admission would decide, without reserving.

It reads the counters that the gateway uses, and decides like its script, which a test compares.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import connection
from redis.exceptions import RedisError

from accounts.models import Organization
from capacity.gateway import rows
from capacity.gateway.decisions import (
    BY_PLAN,
    MINUTE_LENGTH,
    NO_REQUESTS_LEFT,
    NO_TOKENS_LEFT,
    WINDOW_LENGTH,
    Decision,
    read_line,
    uncounted,
)
from capacity.gateway.entitlements import OrganizationState, Plan, SnapshotState
from capacity.gateway.queries.requests import gateway_valkey
from capacity.gateway.requests import AdmissionRequest, Context, Tokens, milliseconds
from capacity.gateway.valkey import Shard
from capacity.models import Pool, Snapshot
from capacity.usage.domain.coverage import Weights


@dataclass(frozen=True, slots=True)
class Imagined:
    """A request that nobody has sent. `pool` and `project` are public ids; empty: not named."""

    model: Snapshot
    estimate: Tokens
    pool: str = ""
    project: str = ""
    disabled: bool = False


def landing(
    organization: Organization, imagined: Imagined, *, pools: Sequence[Pool], real_now: datetime
) -> Decision:
    """Return what would be decided. Without Valkey it is not counted, as in the gateway.

    `pools` are all of the organization, the default pool of each model first, then as they were
    made. The pool that the request names is one of them, for its model unless capacity is declined.
    """
    state, snapshot = _state(organization, imagined.model, pools), _snapshot(imagined.model)
    candidates = state.pools.get(snapshot.pk, ())
    named = tuple(pool for pool in candidates if pool.public_id == imagined.pool)
    request = AdmissionRequest(
        id="",
        organization=state,
        key="",
        project=imagined.project,
        snapshot=snapshot,
        estimate=imagined.estimate,
        plan=state.plans.get(snapshot.pk, _default_plan()),
        pools=named or candidates,
        names_pool=bool(named),
        disabled=imagined.disabled,
    )
    context = Context.of(request, (state.clock_at or real_now).date())
    try:
        line = _line(context, imagined.estimate, milliseconds(real_now))
    except RedisError:
        return uncounted("", context, imagined.estimate, real_now)
    return read_line("", context, imagined.estimate, line)


def _line(context: Context, estimate: Tokens, instant: int) -> bytes:
    """Return what the script would write, which reserves besides."""
    result, counters = _decide(context, estimate, instant)
    return " ".join(map(str, (instant, result, *counters))).encode()


def _decide(context: Context, estimate: Tokens, instant: int) -> tuple[int, list[int]]:
    """Return the result, and the counters that were read."""
    valkey: Any = gateway_valkey(settings.GATEWAY_VALKEY_URL)
    prefix = Shard.of(context.organization).prefix
    clock = instant if context.clock is None else context.clock
    window = clock - clock % WINDOW_LENGTH
    counters: list[int] = []
    needs = estimate.weigh(context.weights)
    for number, candidate in enumerate(context.candidates, start=1):
        used = _counters(valkey, f"{prefix}w:{candidate.pk}:{window}")
        counters += used
        if all(
            counted + need <= limit
            for counted, need, limit in zip(
                used, candidate.amounts(needs), candidate.limits, strict=True
            )
        ):
            return number, counters
    minute = instant // MINUTE_LENGTH
    key = f"{prefix}p:{context.organization}:{context.snapshot}:{minute}"
    requests, tokens = _counters(valkey, key)
    counters += (requests, tokens)
    plan = context.plan
    if requests + 1 > plan.rpm:
        return NO_REQUESTS_LEFT, counters
    if tokens + estimate.input + estimate.output > plan.tpm:
        return NO_TOKENS_LEFT, counters
    return BY_PLAN, counters


def _counters(valkey: Any, key: str) -> tuple[int, int]:
    first, second = valkey.hmget(key, "a", "b")
    return int(first or 0), int(second or 0)


def _state(organization: Organization, model: Snapshot, pools: Sequence[Pool]) -> OrganizationState:
    """Return what admission needs of an organization for one model, as the gateway holds it."""
    pk = organization.pk
    units, ends, plans = map(_rows_of(pk), (rows.UNITS, rows.ENDS, rows.PLANS))
    clock_at = organization.clock_at if organization.is_sandbox else None
    results: Sequence[Iterable[Any]] = (
        [(pk, organization.public_id, clock_at, None)],
        [],
        [],
        [(pk, pool.pk, pool.public_id, pool.snapshot_id, pool.is_default) for pool in pools],
        units,
        ends,
        plans,
    )
    retirements = {model.pk: model.retires_on} if model.retires_on else {}
    ((state, _keys),) = rows.read_organizations(results, retirements, _default_plan())
    return state


def _rows_of(pk: int) -> Callable[[str], list[Any]]:
    def read(text: str) -> list[Any]:
        with connection.cursor() as cursor:
            cursor.execute(rows.statement(text, everything=False), [[pk]])
            return list(cursor.fetchall())

    return read


def _snapshot(snapshot: Snapshot) -> SnapshotState:
    weights = Weights.of(snapshot.cached_weight, snapshot.output_weight)
    return SnapshotState(snapshot.pk, snapshot.model, weights, {}, snapshot.retires_on)


def _default_plan() -> Plan:
    return Plan(rpm=settings.ACCOUNT_PLAN_RPM, tpm=settings.ACCOUNT_PLAN_TPM)
