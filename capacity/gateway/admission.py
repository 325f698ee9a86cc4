"""Admission: whether capacity serves a request, the account plan, or nobody (R15, R25)."""

import asyncio
import logging
from collections import defaultdict, deque
from collections.abc import Sequence
from datetime import UTC, date, datetime
from time import monotonic
from typing import Any

from redis.exceptions import RedisError

from capacity.gateway.decisions import (
    LIMITS_ENDED,
    Decision,
    Limit,
    Reason,
    Refusal,
    Served,
    WindowState,
    read_line,
    uncounted,
    write_member,
)
from capacity.gateway.lanes import Lanes, Script, ValkeyAway
from capacity.gateway.requests import (
    MILLISECOND,
    AdmissionRequest,
    Context,
    Tokens,
    milliseconds,
)
from capacity.gateway.valkey import ALL_SHARDS, AsyncValkey, Shard
from capacity.usage.domain.windows import EPOCH
from common.instants import midnight

__all__ = [
    "Admission",
    "AdmissionRequest",
    "Decision",
    "Limit",
    "Reason",
    "Refusal",
    "Served",
    "Tokens",
    "WindowState",
]

logger = logging.getLogger(__name__)

ADMIT, SETTLE, LAPSE, RENEW = (Script.read(name) for name in ("admit", "settle", "lapse", "renew"))
MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000

LIFETIME = MINUTE
"""Milliseconds after which a reservation lapses that its gateway does not renew."""
RENEW_AFTER = 20.0
"""Seconds after which a request that is still served has its reservation renewed."""
WINDOW_KEPT = HOUR
"""For how long the counters of a window are kept, by Valkey's clock: well beyond its end."""
SANDBOX_WINDOW_KEPT = 400 * DAY
"""In a sandbox a window lasts until its clock is moved."""
LATE = HOUR
"""For how long a request whose reservation lapsed still counts when it is settled."""
AT_ONCE = 1_000
"""Calls that are made before their answers are awaited."""
MOST_UNSENT = 200_000
"""Finished requests kept in memory while Valkey is away; beyond, the oldest are lost."""


class Admission:
    """Admits requests and settles them, each by one script in Valkey.

    While Valkey is away nobody is refused: the account plan serves every request uncounted. What is
    to be metered is kept until Valkey is back.
    """

    def __init__(self, valkey: AsyncValkey, *, now: datetime | None = None) -> None:
        """`valkey` is that of `capacity.gateway.valkey.connect`. Tests give `now` as its clock."""
        self.valkey = valkey
        self.now: int | None = milliseconds(now) if now else None
        self._lanes = Lanes(valkey)
        self._open: dict[str, tuple[float, Decision]] = {}
        self._unsent: deque[tuple[Shard, Sequence[Any]]] = deque(maxlen=MOST_UNSENT)
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def open_requests(self) -> int:
        """Return the number of requests that were admitted here and are not settled."""
        return len(self._open)

    @property
    def unsent(self) -> int:
        """Return the number of finished requests that wait for Valkey to be metered."""
        return len(self._unsent)

    async def admit(self, request: AdmissionRequest) -> Decision:
        """Decide about a request, and reserve its estimate where it is served. Never raises.

        A caller that is cancelled meanwhile has reserved nothing.
        """
        shard = Shard.of(request.organization.pk)
        decision = await self._decide(shard, request, self._real_now())
        while decision.result == LIMITS_ENDED:
            # Valkey's clock is past the midnight at which units end, ours is not yet.
            decision = await self._decide(shard, request, decision.admitted_at)
        if decision.bucket:
            self._open[decision.id] = (monotonic(), decision)
        return decision

    async def settle(self, decision: Decision, actual: Tokens | None) -> None:
        """Replace the estimate by what was used, and meter the request; once. Never raises.

        Call it for every decision, however the request ended. `actual` is None for a request of
        which nothing reached the model: it is explained, and no usage.
        """
        self._open.pop(decision.id, None)
        shard = Shard.of(decision.context.organization)
        reserved = decision.amounts(decision.context.estimate) if decision.bucket else (0, 0)
        used = decision.amounts(actual) if actual and decision.bucket else (0, 0)
        arguments = (
            shard.prefix,
            decision.id,
            write_member(decision),
            decision.bucket,
            *reserved,
            *used,
            f"{actual.input} {actual.output} {actual.cached}" if actual else "",
        )
        await self._settle(shard, arguments)

    async def run(self) -> None:
        """Renew reservations, give back those of killed gateways, and send what waited for Valkey.

        Runs until it is cancelled.
        """
        while True:
            await asyncio.sleep(1)
            await self.tend()

    async def tend(self) -> None:
        """Do once what `run` does every second."""
        await self._send_unsent()
        await self._renew()
        await self.lapse()

    async def lapse(self) -> int:
        """Give back what is reserved for requests that nobody serves any more; return how many."""
        answers = [
            self._lanes.call(
                shard, LAPSE, (shard.open, shard.stream), (shard.prefix, self._clock(), LATE)
            )
            for shard in ALL_SHARDS
        ]
        counts = await asyncio.gather(*answers, return_exceptions=True)
        return sum(count for count in counts if isinstance(count, int))

    async def close(self) -> None:
        """Hand over what is still to be metered. Call it when the last request is settled."""
        await asyncio.gather(*self._tasks)
        await self._send_unsent()
        if self._unsent:
            logger.error("%d finished requests are lost: Valkey is away", len(self._unsent))
        await self._lanes.close()

    async def _decide(self, shard: Shard, request: AdmissionRequest, real: datetime) -> Decision:
        on = (request.organization.clock_at or real).date()
        context = Context.of(request, on)
        arguments = self._arguments(shard, request, context, on)
        answer = self._lanes.call(shard, ADMIT, (shard.open,), arguments)
        try:
            line: bytes = await asyncio.shield(answer)
        except asyncio.CancelledError:
            answer.add_done_callback(lambda done: self._give_back(request, context, done))
            raise
        except (ValkeyAway, RedisError) as error:
            _log(error)
            return uncounted(request.id, context, real)
        return read_line(request.id, context, line)

    def _arguments(
        self, shard: Shard, request: AdmissionRequest, context: Context, on: date
    ) -> list[Any]:
        organization, estimate, plan = request.organization, context.estimate, context.plan
        ends = [end for pool in request.pools if (end := pool.holds_until(on))]
        arguments: list[Any] = [
            shard.prefix,
            self._clock(),
            "" if context.clock is None else context.clock,
            LIFETIME,
            WINDOW_KEPT if context.clock is None else SANDBOX_WINDOW_KEPT,
            request.id,
            context.dump(),
            milliseconds(midnight(min(ends))) if ends else "",
            f"{organization.pk}:{context.snapshot}",
            plan.rpm,
            plan.tpm,
            estimate.input + estimate.output,
        ]
        for each in context.candidates:
            (first_limit, second_limit), (first, second) = each.limits, each.needs
            arguments += (each.pk, first_limit, first, second_limit, second)
        return arguments

    def _give_back(
        self, request: AdmissionRequest, context: Context, answer: "asyncio.Future[bytes]"
    ) -> None:
        """Settle a request whose caller did not wait for the decision."""
        if answer.cancelled() or answer.exception():
            return
        decision = read_line(request.id, context, answer.result())
        if decision.result != LIMITS_ENDED:
            task = asyncio.create_task(self.settle(decision, None))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _settle(self, shard: Shard, arguments: Sequence[Any]) -> None:
        try:
            await asyncio.shield(
                self._lanes.call(shard, SETTLE, (shard.open, shard.stream), arguments)
            )
        except asyncio.CancelledError:
            raise  # It is on its way; only nobody waits for it.
        except (ValkeyAway, RedisError) as error:
            _log(error)
            self._unsent.append((shard, arguments))

    async def _send_unsent(self) -> None:
        """Send what waited for Valkey. What fails again waits again."""
        waiting = [self._unsent.popleft() for _ in range(len(self._unsent))]
        for start in range(0, len(waiting), AT_ONCE):
            await asyncio.gather(
                *(self._settle(*each) for each in waiting[start : start + AT_ONCE])
            )

    async def _renew(self) -> None:
        """Renew the reservations of requests that take long, in one call a shard."""
        long_ago = monotonic() - RENEW_AFTER
        members: defaultdict[Shard, list[bytes]] = defaultdict(list)
        for since, decision in self._open.values():
            if since < long_ago:
                shard = Shard.of(decision.context.organization)
                members[shard].append(write_member(decision))
        answers = [
            self._lanes.call(shard, RENEW, (shard.open,), (self._clock(), LIFETIME, *batch))
            for shard, all_members in members.items()
            for batch in (
                all_members[start : start + AT_ONCE]
                for start in range(0, len(all_members), AT_ONCE)
            )
        ]
        await asyncio.gather(*answers, return_exceptions=True)

    def _clock(self) -> int | str:
        """Return the instant that a test gives, or nothing: then Valkey's clock counts."""
        return "" if self.now is None else self.now

    def _real_now(self) -> datetime:
        return datetime.now(UTC) if self.now is None else EPOCH + self.now * MILLISECOND


def _log(error: Exception) -> None:
    """Log what is not just the absence of Valkey, which its lane has said. Nothing of a request."""
    if not isinstance(error, ValkeyAway):
        logger.error("a script failed: %s", error)
