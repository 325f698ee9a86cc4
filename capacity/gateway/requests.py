"""Requests as admission sees them, and the pools that could serve them (R15).

What is made for each request is plain: a frozen dataclass takes three times as long to make. What
many requests share, their context, is made once and found again.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import Any, NamedTuple

import orjson

from capacity.gateway.entitlements import OrganizationState, Plan, PoolState, SnapshotState
from capacity.usage.domain.coverage import COMBINED, INPUT, OUTPUT, SCALE, Weights
from capacity.usage.domain.windows import EPOCH
from common.instants import midnight

MOST = 2**52
"""The largest amount that the script, whose numbers are doubles, adds without an error."""

MILLISECOND = timedelta(milliseconds=1)
HOUR, DAY = 3_600_000, 86_400_000
WINDOW_KEPT = HOUR
"""For how long the counters of a window are kept, by Valkey's clock: well beyond its end."""
SANDBOX_WINDOW_KEPT = 400 * DAY
"""In a sandbox a window lasts until its clock is moved."""
MOST_CONTEXTS = 5_000
"""Kept for an organization. A request whose context is not there makes it anew."""


class Amounts(NamedTuple):
    """What tokens count against units of each kind, in ten-thousandths of a token (R14)."""

    input: int
    output: int
    combined: int


class Tokens(NamedTuple):
    """Tokens of a request, unweighted. `input` counts all input, `cached` what of it was cached."""

    input: int = 0
    output: int = 0
    cached: int = 0

    def weigh(self, weights: Weights) -> Amounts:
        """Return what they count."""
        amounts = Amounts(*weights.weigh_all(self.input, self.cached, self.output))
        return amounts if max(amounts) <= MOST else Amounts(*(min(each, MOST) for each in amounts))


@dataclass(slots=True)
class AdmissionRequest:
    """One request, as admission sees it."""

    id: str
    """The `x-request-id`: unguessable, on one line, never used twice."""
    organization: OrganizationState
    key: str
    """Public id of the API key."""
    project: str
    """Public id of the project for which it counts."""
    snapshot: SnapshotState
    estimate: Tokens
    """Prompt tokens, and the limit for output tokens."""
    plan: Plan
    pools: tuple[PoolState, ...]
    """To be tried in this order: the named pool alone, or all pools of the snapshot."""
    names_pool: bool = False
    """The request named its pool (`x-pt-id`), and counts in it whoever serves it (R14)."""
    disabled: bool = False
    """Capacity was declined: `x-pt-disable: true`, or `service_tier: default`."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A pool with units of every kind that a request needs, and the limits of its two counters.

    They are of input and output, or of combined units and unused, in ten-thousandths of a token.
    """

    pool: str
    """Public id."""
    pk: int
    kinds: tuple[str, ...]
    limits: tuple[int, int]

    @classmethod
    def of(cls, pool: PoolState, on: date, estimate: Tokens) -> "Candidate | None":
        """Return the pool with its limits on a service day; None if it lacks a kind of unit."""
        allowance = pool.allowance(on)
        if not allowance:
            return None
        if COMBINED in allowance:
            kinds: tuple[str, ...] = (COMBINED,)
            limits, needs = (_limit(allowance, COMBINED), 0), (max(estimate), 0)
        else:
            kinds = INPUT, OUTPUT
            limits = _limit(allowance, INPUT), _limit(allowance, OUTPUT)
            needs = estimate.input, estimate.output
        if any(need and not limit for need, limit in zip(needs, limits, strict=True)):
            return None
        return cls(pool.public_id, pool.pk, kinds, limits)

    def amounts(self, counted: Amounts) -> tuple[int, int]:
        """Return what is added to the two counters."""
        return (counted.combined, 0) if len(self.kinds) == 1 else counted[:2]


@dataclass(frozen=True, eq=False)
class Context:
    """What a decision is about, but for the tokens: requests that are alike share it.

    It is kept with the reservation, and with what is to be metered.
    """

    organization: int
    """Primary key."""
    key: str
    project: str
    model: str
    snapshot: int
    """Primary key."""
    weights: Weights
    plan: Plan
    candidates: tuple[Candidate, ...]
    clock: int | None = None
    """Milliseconds at which the clock of a sandbox stands."""
    named_pool: str | None = None
    disabled: bool = False
    holds_until: int | None = None
    """Milliseconds of the midnight from which the limits are others; None while they stay."""

    @classmethod
    def of(cls, request: AdmissionRequest, on: date) -> "Context":
        """Return the context of a request on a service day of its organization."""
        kinds = bool(request.estimate.input), bool(request.estimate.output)
        shared = (
            *(on, request.snapshot.pk, request.key, request.project, request.plan, request.pools),
            *(request.names_pool, request.disabled, *kinds),
        )
        contexts = request.organization.contexts
        context: Context | None = contexts.get(shared)
        if context is None:
            if len(contexts) >= MOST_CONTEXTS:
                contexts.clear()
            context = contexts[shared] = cls._new(request, on)
        return context

    @classmethod
    def _new(cls, request: AdmissionRequest, on: date) -> "Context":
        snapshot, organization = request.snapshot, request.organization
        tried = () if request.disabled else request.pools
        found = [Candidate.of(pool, on, request.estimate) for pool in tried]
        ends = [end for pool in request.pools if (end := pool.holds_until(on))]
        return cls(
            organization=organization.pk,
            key=request.key,
            project=request.project,
            model=snapshot.model,
            snapshot=snapshot.pk,
            weights=snapshot.weights,
            plan=request.plan,
            candidates=tuple(candidate for candidate in found if candidate),
            clock=milliseconds(organization.clock_at) if organization.clock_at else None,
            named_pool=request.pools[0].public_id if request.names_pool else None,
            disabled=request.disabled,
            holds_until=milliseconds(midnight(min(ends))) if ends else None,
        )

    @cached_property
    def text(self) -> bytes:
        """The context as one line, which `load` reads."""
        return orjson.dumps(asdict(self))

    @cached_property
    def terms(self) -> bytes:
        """What the script decides by, as it takes it: JSON."""
        pools: list[Any] = []
        for each in self.candidates:
            pools += (str(each.pk), each.kinds == (COMBINED,), *each.limits)
        plan = f"{self.organization}:{self.snapshot}", self.plan.rpm, self.plan.tpm
        kept = WINDOW_KEPT if self.clock is None else SANDBOX_WINDOW_KEPT
        clock = False if self.clock is None else self.clock
        return orjson.dumps([clock, kept, self.holds_until or False, *plan, *pools])

    @classmethod
    def load(cls, line: bytes) -> "Context":
        """Return the context that a line tells."""
        values: dict[str, Any] = orjson.loads(line)
        candidates = tuple(
            Candidate(each["pool"], each["pk"], tuple(each["kinds"]), tuple(each["limits"]))
            for each in values.pop("candidates")
        )
        plan, weights = Plan(**values.pop("plan")), Weights(**values.pop("weights"))
        return cls(weights=weights, plan=plan, candidates=candidates, **values)


def milliseconds(instant: datetime) -> int:
    """Return an instant in milliseconds since 1970."""
    return (instant - EPOCH) // MILLISECOND


def _limit(allowance: Mapping[str, int], kind: str) -> int:
    return min(allowance.get(kind, 0) * SCALE, MOST)
