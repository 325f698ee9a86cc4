"""Where a request would land if it came now (R15): what the gateway would answer, and why.

What is checked and decided is the gateway's own code. Only its script, which reserves besides, is
followed here: the same counters are read. A test compares both for many requests.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Any

from django.conf import settings
from django.db import connection
from redis.exceptions import RedisError

from accounts.models import Organization
from capacity.gateway import checks, rows
from capacity.gateway.answering import decision_headers
from capacity.gateway.bodies import Options
from capacity.gateway.decisions import (
    BY_PLAN,
    MINUTE_LENGTH,
    NO_REQUESTS_LEFT,
    NO_TOKENS_LEFT,
    WINDOW_LENGTH,
    Decision,
    Served,
    read_line,
    uncounted,
)
from capacity.gateway.entitlements import Caller, Entitlements, KeyState, OrganizationState, Plan
from capacity.gateway.errors import GatewayError
from capacity.gateway.queries.requests import gateway_valkey
from capacity.gateway.requests import Context, Tokens, milliseconds
from capacity.gateway.valkey import Shard


@dataclass(frozen=True, slots=True)
class Imagined:
    """A request that nobody has sent."""

    model: str
    """As its body would name it."""
    estimate: Tokens
    options: Options
    """As its headers would say."""
    key: str = ""
    """Public id of the API key; empty: one that works, for the default project."""


@dataclass(frozen=True, slots=True)
class Landing:
    """What the gateway would answer."""

    decision: Decision | None
    """None if it refuses the request before it decides."""
    refusal: GatewayError | None
    """None if something serves the request."""

    @property
    def status(self) -> HTTPStatus:
        return self.refusal.status if self.refusal else HTTPStatus.OK

    @property
    def headers(self) -> list[tuple[str, str]]:
        """What the answer says of the decision, and how to go on if it is refused."""
        decided = decision_headers(self.decision) if self.decision else []
        said = [(name.decode(), value.decode()) for name, value in decided]
        return said + list(self.refusal.headers.items() if self.refusal else [])

    @property
    def used_of_plan(self) -> tuple[int, int] | None:
        """Requests and tokens of the account plan in this minute before it; None if not read."""
        decision = self.decision
        if decision is None or decision.served is Served.SCALE or not decision.is_counted:
            return None
        requests, tokens = decision.counters[-2:]
        return requests, tokens


def landing(organization: Organization, imagined: Imagined, *, real_now: datetime) -> Landing:
    """Return what would be answered. Without Valkey it is not counted, as in the gateway."""
    entitlements, state, keys = _entitlements(organization.pk)
    on = (state.clock_at or real_now).date()
    try:
        caller = _caller(state, keys, imagined.key)
        checks.check_second_factor(caller, on)
        request = checks.admission_request(
            entitlements,
            caller,
            imagined.options,
            request_id="",
            model=imagined.model,
            estimate=imagined.estimate,
            declines_capacity=False,
            on=on,
        )
    except GatewayError as refusal:
        return Landing(None, refusal)
    context, estimate = Context.of(request, on), imagined.estimate
    try:
        line = _line(context, estimate, milliseconds(real_now))
        decision = read_line("", context, estimate, line)
    except RedisError:
        decision = uncounted("", context, estimate, real_now)
    is_refused = decision.served is Served.REFUSED
    return Landing(decision, checks.refused(decision) if is_refused else None)


def _caller(state: OrganizationState, keys: Mapping[str, KeyState], public_id: str) -> Caller:
    """Return who calls with a key, which the product knows by its public id alone."""
    if not public_id:
        return Caller("", state.default_project, state)
    key = next((key for key in keys.values() if key.public_id == public_id), None)
    if key is None:
        raise checks.invalid_key()
    return Caller(key.public_id, key.project, state, key.refused_from)


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


def _entitlements(pk: int) -> tuple[Entitlements, OrganizationState, dict[str, KeyState]]:
    """Return what the gateway holds of an organization, with its keys by digest."""
    plan = Plan(rpm=settings.ACCOUNT_PLAN_RPM, tpm=settings.ACCOUNT_PLAN_TPM)
    entitlements = Entitlements(plan)
    snapshots, *of_organization = _rows_of(pk)
    entitlements.replace_snapshots(rows.read_snapshots(snapshots))
    retirements = {
        snapshot.pk: snapshot.retires_on
        for snapshot in entitlements.snapshots
        if snapshot.retires_on
    }
    ((state, keys),) = rows.read_organizations(of_organization, retirements, plan)
    return entitlements, state, keys


def _rows_of(pk: int) -> Iterator[list[Any]]:
    """Yield the rows of the gateway's statements, which are sent together."""
    texts = [rows.statement(text, everything=False) for text in rows.OF_ORGANIZATIONS]
    with connection.cursor() as cursor:
        cursor.execute(";".join((rows.SNAPSHOTS, *texts)), [[pk]] * len(texts))
        yield list(cursor.fetchall())
        while cursor.nextset():
            yield list(cursor.fetchall())
