"""Admission: whether capacity serves a request, the account plan, or nobody (R15, R25)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from redis.asyncio import Redis, RedisCluster

from capacity.gateway.entitlements import OrganizationState, Plan, PoolState, SnapshotState


class Served(StrEnum):
    """What serves a request. The first two are the values of `x-pt-served`."""

    SCALE = "scale"
    DEFAULT = "default"
    REFUSED = "refused"


class Reason(StrEnum):
    """Why capacity does not serve a request: `x-pt-reason`."""

    DISABLED = "disabled"
    NO_CAPACITY = "no_capacity"
    WINDOW_EXHAUSTED = "window_exhausted"


class Refusal(StrEnum):
    """Which limit of the account plan refuses a request that capacity does not serve (R25)."""

    REQUESTS = "requests_per_minute"
    TOKENS = "tokens_per_minute"
    TOO_LARGE = "too_large"
    """Its tokens alone are more than the plan allows in a minute: to wait does not help."""


@dataclass(frozen=True, slots=True)
class Tokens:
    """Tokens of a request, unweighted. `input` counts all input, `cached` what of it was cached."""

    input: int = 0
    output: int = 0
    cached: int = 0


@dataclass(frozen=True, slots=True)
class AdmissionRequest:
    """One request, as admission sees it."""

    id: str
    """The `x-request-id`: unguessable, never used twice."""
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
class WindowState:
    """A window as the decision found it, in whole weighted tokens; `used` is before this request.

    What is reserved for requests that are not finished yet is used.
    """

    pool: str
    kind: str
    limit: int
    used: int


@dataclass(frozen=True, slots=True)
class Limit:
    """What `x-pt-limit-…` and `x-pt-remaining-…` say of a kind, this request being counted."""

    kind: str
    limit: int
    remaining: int


@dataclass(frozen=True, slots=True)
class Decision:
    """What became of a request at admission, with the numbers that it was decided on."""

    request: AdmissionRequest
    at: datetime
    """When it was admitted, by the organization's clock; usage counts it in this minute."""
    served: Served
    reason: Reason | None
    """Why capacity does not serve it; None if it does."""
    refusal: Refusal | None
    """Set if nobody serves it."""
    pool: PoolState | None
    """The pool in which it counts: the one that admitted it, or that it named (R14)."""
    windows: Sequence[WindowState]
    """The windows that were looked at, in the order in which they were."""
    limits: Sequence[Limit]
    """Of the pool that serves it, or else of the first that was tried; by kind."""
    resets_in: int
    """Seconds until the window ends, by the organization's clock."""
    retry_after: int | None
    """Seconds until a refused request can be sent again."""
    is_counted: bool = True
    """False if Valkey was away: the account plan serves it uncounted."""


class Admission:
    """Admits requests and settles them, each by one script in Valkey.

    While Valkey is away nobody is refused: the account plan serves every request.
    """

    def __init__(self, valkey: Redis | RedisCluster) -> None:
        """`valkey` is shared by all requests of this process; it answers bytes."""
        self.valkey = valkey

    async def admit(self, request: AdmissionRequest) -> Decision:
        """Decide about a request, and reserve its estimate where it is served. Never raises."""
        raise NotImplementedError

    async def settle(self, decision: Decision, actual: Tokens | None) -> None:
        """Replace the estimate by what was used, and meter the request; once. Never raises.

        Call it for every decision, however the request ended. `actual` is None for a request that
        nobody served, and for one of which nothing reached the model.
        """
        raise NotImplementedError

    async def run(self) -> None:
        """Renew the reservations of requests that take long, until cancelled."""
        raise NotImplementedError

    async def close(self) -> None:
        """Hand over what is still to be metered. Call it when the last request is settled."""
        raise NotImplementedError
