"""Requests as admission sees them, and the pools that could serve them (R15)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

import orjson

from capacity.gateway.entitlements import OrganizationState, Plan, PoolState, SnapshotState
from capacity.usage.domain.coverage import COMBINED, INPUT, OUTPUT, SCALE, Weights
from capacity.usage.domain.windows import EPOCH

MOST = 2**52
"""The largest amount that the scripts, whose numbers are doubles, add without an error."""

MILLISECOND = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class Tokens:
    """Tokens of a request, unweighted. `input` counts all input, `cached` what of it was cached."""

    input: int = 0
    output: int = 0
    cached: int = 0

    def weigh(self, kind: str, weights: Weights) -> int:
        """Return what they count against units of a kind, in ten-thousandths of a token (R14)."""
        return min(weights.weigh(kind, self.input, self.cached, self.output), MOST)


@dataclass(frozen=True, slots=True)
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
    """A pool with units of every kind that a request needs, and its two counters in Valkey.

    They are of input and output, or of combined units and unused. Amounts are ten-thousandths of a
    token.
    """

    pool: str
    """Public id."""
    pk: int
    kinds: tuple[str, ...]
    limits: tuple[int, int]
    needs: tuple[int, int]

    @classmethod
    def of(
        cls, pool: PoolState, on: date, estimate: Tokens, weights: Weights
    ) -> "Candidate | None":
        """Return the pool with its limits on a service day; None if it lacks a kind of unit."""
        allowance = pool.allowance(on)
        if not allowance:
            return None
        kinds = (COMBINED,) if COMBINED in allowance else (INPUT, OUTPUT)
        limits = [min(allowance.get(kind, 0) * SCALE, MOST) for kind in kinds]
        needs = [estimate.weigh(kind, weights) for kind in kinds]
        if any(need and not limit for need, limit in zip(needs, limits, strict=True)):
            return None
        return cls(pool.public_id, pool.pk, kinds, _pair(limits), _pair(needs))

    @classmethod
    def load(cls, values: Mapping[str, Any]) -> "Candidate":
        """Return the candidate that JSON describes, in which every tuple is a list."""
        kinds, limits, needs = (tuple(values[name]) for name in ("kinds", "limits", "needs"))
        return cls(values["pool"], values["pk"], kinds, _pair(limits), _pair(needs))

    def amounts(self, tokens: Tokens, weights: Weights) -> tuple[int, int]:
        """Return what tokens add to the counters."""
        return _pair([tokens.weigh(kind, weights) for kind in self.kinds])


@dataclass(frozen=True, slots=True)
class Context:
    """What a decision is about; kept with the reservation and with what is to be metered."""

    organization: int
    """Primary key."""
    key: str
    project: str
    model: str
    snapshot: int
    """Primary key."""
    weights: Weights
    estimate: Tokens
    plan: Plan
    candidates: tuple[Candidate, ...]
    clock: int | None = None
    """Milliseconds at which the clock of a sandbox stands."""
    named_pool: str | None = None
    disabled: bool = False
    _dumped: list[bytes] = field(default_factory=list, init=False, compare=False, repr=False)

    @classmethod
    def of(cls, request: AdmissionRequest, on: date) -> "Context":
        """Return the context of a request on a service day of its organization."""
        snapshot, organization = request.snapshot, request.organization
        tried = () if request.disabled else request.pools
        found = [Candidate.of(pool, on, request.estimate, snapshot.weights) for pool in tried]
        return cls(
            organization=organization.pk,
            key=request.key,
            project=request.project,
            model=snapshot.model,
            snapshot=snapshot.pk,
            weights=snapshot.weights,
            estimate=request.estimate,
            plan=request.plan,
            candidates=tuple(candidate for candidate in found if candidate),
            clock=milliseconds(organization.clock_at) if organization.clock_at else None,
            named_pool=request.pools[0].public_id if request.names_pool else None,
            disabled=request.disabled,
        )

    def dump(self) -> bytes:
        """Return the context as one line. It is made once: a request needs it twice."""
        if not self._dumped:
            self._dumped.append(orjson.dumps(self))  # It leaves out what begins with a line.
        return self._dumped[0]

    @classmethod
    def load(cls, line: bytes) -> "Context":
        """Return the context that `dump` wrote."""
        values: dict[str, Any] = orjson.loads(line)
        candidates = tuple(Candidate.load(each) for each in values.pop("candidates"))
        estimate, plan = Tokens(**values.pop("estimate")), Plan(**values.pop("plan"))
        weights = Weights(**values.pop("weights"))
        return cls(weights=weights, estimate=estimate, plan=plan, candidates=candidates, **values)


def milliseconds(instant: datetime) -> int:
    """Return an instant in milliseconds since 1970."""
    return (instant - EPOCH) // MILLISECOND


def _pair(amounts: Sequence[int]) -> tuple[int, int]:
    """Return the amounts of the two counters; with one kind the second stays 0."""
    return amounts[0], amounts[1] if len(amounts) > 1 else 0
