"""What admission decided about requests (R15, R25).

The script that decides writes a line of numbers. `Decision` gives them their meaning: in the
gateway, and where requests are metered, which reads the line beside its context.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from capacity.gateway.requests import (
    MILLISECOND,
    Amounts,
    Candidate,
    Context,
    Tokens,
    milliseconds,
)
from capacity.usage.domain.coverage import SCALE
from capacity.usage.domain.windows import EPOCH, MINUTE, WINDOW

WINDOW_LENGTH = WINDOW // MILLISECOND
MINUTE_LENGTH = MINUTE // MILLISECOND

BY_PLAN, NO_REQUESTS_LEFT, NO_TOKENS_LEFT, LIMITS_ENDED = 0, -1, -2, -3
"""Results of the script; a positive one is the number of the pool that serves."""


class Served(StrEnum):
    """What serves a request. The first two are the values of `x-pt-served`."""

    SCALE = "scale"
    DEFAULT = "default"
    REFUSED = "refused"


class Reason(StrEnum):
    """Why capacity does not serve a request: `x-pt-reason`."""

    DISABLED = "disabled"
    NO_CAPACITY = "no_capacity"
    """No pool has units of every kind that it needs; or Valkey is away, so that none is counted."""
    WINDOW_EXHAUSTED = "window_exhausted"


class Refusal(StrEnum):
    """Which limit of the account plan refuses a request that capacity does not serve (R25)."""

    REQUESTS = "requests_per_minute"
    TOKENS = "tokens_per_minute"
    TOO_LARGE = "too_large"
    """Its tokens alone are more than the plan allows in a minute: to wait does not help."""


@dataclass(frozen=True, slots=True)
class WindowState:
    """A window as the decision found it, in whole weighted tokens; `used` is before this request.

    What is reserved for requests that are not finished yet is used.
    """

    pool: str
    """Public id."""
    kind: str
    limit: int
    used: int


class Limit(NamedTuple):
    """What `x-pt-limit-…` and `x-pt-remaining-…` say of a kind, this request being counted."""

    kind: str
    limit: int
    remaining: int


@dataclass(slots=True)
class Decision:
    """What became of a request at admission, with the numbers that it was decided on."""

    id: str
    context: Context
    estimate: Tokens
    needs: Amounts
    """What its estimate counts."""
    line: bytes
    """What the script wrote: the three numbers that follow."""
    instant: int
    """When it was admitted, by Valkey's clock: milliseconds."""
    result: int
    """The number of a pool, or one of the constants above."""
    counters: tuple[int, ...]
    """Those that the script read: two for each pool that it looked at, then those of the plan."""
    bucket: str
    """The name of the counters that hold its reservation; empty if nothing is reserved."""

    @property
    def is_counted(self) -> bool:
        """Return whether it was counted. It was not if Valkey was away: the plan serves it then."""
        return bool(self.counters)

    @property
    def at(self) -> datetime:
        """When it was admitted, by the organization's clock; usage counts it in this minute."""
        return EPOCH + self._clock * MILLISECOND

    @property
    def admitted_at(self) -> datetime:
        """When it was admitted, by the real clock."""
        return EPOCH + self.instant * MILLISECOND

    @property
    def served(self) -> Served:
        if self.result > 0:
            return Served.SCALE
        return Served.DEFAULT if self.result == BY_PLAN else Served.REFUSED

    @property
    def reason(self) -> Reason | None:
        """Why capacity does not serve it; None if it does."""
        if self.result > 0:
            return None
        if self.context.disabled:
            return Reason.DISABLED
        if self.context.candidates and self.is_counted:
            return Reason.WINDOW_EXHAUSTED
        return Reason.NO_CAPACITY

    @property
    def refusal(self) -> Refusal | None:
        """Which limit of the account plan refuses it; None if something serves it."""
        if self.result >= BY_PLAN:
            return None
        estimate, plan = self.estimate, self.context.plan
        if estimate.input + estimate.output > plan.tpm:
            return Refusal.TOO_LARGE
        return Refusal.REQUESTS if self.result == NO_REQUESTS_LEFT else Refusal.TOKENS

    @property
    def candidate(self) -> Candidate | None:
        """The pool that serves it; None if none does."""
        return self.context.candidates[self.result - 1] if self.result > 0 else None

    @property
    def pool(self) -> str | None:
        """Public id of the pool in which it counts: the one that it named, or that admitted it."""
        return self.candidate.pool if self.candidate else self.context.named_pool

    @property
    def windows(self) -> list[WindowState]:
        """The windows that were looked at, in the order in which they were."""
        return [
            WindowState(candidate.pool, kind, limit // SCALE, -(-used // SCALE))
            for index, candidate in enumerate(self.context.candidates)
            for kind, limit, used in zip(
                candidate.kinds, candidate.limits, self._used(index), strict=False
            )
            if limit
        ]

    @property
    def limits(self) -> list[Limit]:
        """Of the pool that serves it, or else of the first that was tried; by kind."""
        candidates = self.context.candidates
        if not candidates:
            return []
        index = max(0, self.result - 1)
        candidate, used = candidates[index], self._used(index)
        taken = candidate.amounts(self.needs) if self.result > 0 else (0, 0)
        return [
            Limit(kind, limit // SCALE, max(0, limit - counted - more) // SCALE)
            for kind, limit, counted, more in zip(
                candidate.kinds, candidate.limits, used, taken, strict=False
            )
            if limit
        ]

    @property
    def resets_in(self) -> int:
        """Seconds until the window ends, by the organization's clock."""
        return -((self._clock % WINDOW_LENGTH - WINDOW_LENGTH) // 1000)

    @property
    def retry_after(self) -> int | None:
        """Seconds until a refused request can be sent again; None if something serves it."""
        if self.result >= BY_PLAN:
            return None
        if self.refusal == Refusal.TOO_LARGE and self._fits_an_empty_window:
            return self.resets_in
        return -((self.instant % MINUTE_LENGTH - MINUTE_LENGTH) // 1000)

    @property
    def reserved(self) -> tuple[int, int]:
        """What is reserved in its two counters; on the account plan only tokens are settled."""
        if not self.bucket:
            return 0, 0
        if candidate := self.candidate:
            return candidate.amounts(self.needs)
        return 0, self.estimate.input + self.estimate.output

    def counts(self, used: Tokens | None) -> tuple[int, int]:
        """Return what was used in its two counters; None if nothing reached the model."""
        if used is None or not self.bucket:
            return 0, 0
        if candidate := self.candidate:
            return candidate.amounts(used.weigh(self.context.weights))
        return 0, used.input + used.output

    @property
    def _clock(self) -> int:
        return self.instant if self.context.clock is None else self.context.clock

    @property
    def _fits_an_empty_window(self) -> bool:
        needs = self.needs
        return self.context.clock is None and any(
            need[0] <= limit[0] and need[1] <= limit[1]
            for need, limit in (
                (each.amounts(needs), each.limits) for each in self.context.candidates
            )
        )

    def _used(self, index: int) -> tuple[int, ...]:
        """Return the counters of a candidate; none if the script did not look at it."""
        return self.counters[2 * index : 2 * index + 2]


def write_member(decision: Decision) -> bytes:
    """Return a decision as the script stores it with its reservation."""
    return b"%b\n%b\n%d\n%d\n%b\n%b\n%b" % (
        decision.id.encode(),
        decision.bucket.encode(),
        *decision.reserved,
        decision.line,
        write_estimate(decision.estimate),
        decision.context.text,
    )


def write_estimate(estimate: Tokens) -> bytes:
    """Return an estimate as the script keeps it."""
    return b"%d %d" % (estimate.input, estimate.output)


def read_member(member: bytes) -> Decision:
    """Return the decision that is stored with a reservation or with a settled request.

    Raises ValueError or LookupError for what is none.
    """
    id_, _bucket, _first, _second, line, estimate, context = member.split(b"\n", 6)
    input_, output = map(int, estimate.split())
    return read_line(id_.decode(), Context.load(context), Tokens(input_, output), line)


def read_line(
    id_: str, context: Context, estimate: Tokens, line: bytes, needs: Amounts | None = None
) -> Decision:
    """Return the decision that the script wrote. `needs` are given by whoever knows them."""
    instant, result, *counters = map(int, line.split())
    bucket = _bucket(context, instant, result) if counters and result >= BY_PLAN else ""
    needs = needs or estimate.weigh(context.weights)
    return Decision(id_, context, estimate, needs, line, instant, result, tuple(counters), bucket)


def uncounted(id_: str, context: Context, estimate: Tokens, at: datetime) -> Decision:
    """Return the decision while Valkey is away: the account plan serves the request."""
    return read_line(id_, context, estimate, b"%d %d" % (milliseconds(at), BY_PLAN))


def _bucket(context: Context, instant: int, result: int) -> str:
    """Return the name of the counters in which the script reserved."""
    if result > 0:
        clock = instant if context.clock is None else context.clock
        return f"w:{context.candidates[result - 1].pk}:{clock - clock % WINDOW_LENGTH}"
    return f"p:{context.organization}:{context.snapshot}:{instant // MINUTE_LENGTH}"
