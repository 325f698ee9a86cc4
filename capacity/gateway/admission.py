"""Admission: whether capacity serves a request, the account plan, or nobody (R15, R25)."""

import asyncio
import logging
from collections import defaultdict, deque
from datetime import UTC, datetime
from time import monotonic

from capacity.gateway.batches import LIFETIME, Pace, Question, Settlement, ShardBatches
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
from capacity.gateway.lanes import Lanes, Script
from capacity.gateway.requests import (
    HOUR,
    MILLISECOND,
    AdmissionRequest,
    Context,
    Tokens,
    milliseconds,
)
from capacity.gateway.valkey import ALL_SHARDS, AsyncValkey, Shard
from capacity.usage.domain.windows import EPOCH

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

LAPSE, RENEW = Script.read("lapse"), Script.read("renew")

RENEW_AFTER = 20.0
"""Seconds after which a request that is still served has its reservation renewed."""
LATE = HOUR
"""For how long a request whose reservation lapsed still counts when it is settled."""
AT_ONCE = 1_000
"""Renewals in one call, and finished requests sent again before their answers are awaited."""
MOST_UNSENT = 200_000
"""Finished requests kept in memory while Valkey is away; beyond, the oldest are lost."""


class Admission:
    """Admits requests and settles them by a script in Valkey, each once.

    While Valkey is away nobody is refused: the account plan serves every request uncounted. What is
    to be metered is kept until Valkey is back.
    """

    def __init__(self, valkey: AsyncValkey, *, now: datetime | None = None) -> None:
        """`valkey` is that of `capacity.gateway.valkey.connect`. Tests give `now` as its clock."""
        self.valkey = valkey
        self.now: int | None = milliseconds(now) if now else None
        self._loop: asyncio.AbstractEventLoop | None = None
        """Kept, as to ask for it is a system call."""
        self._lanes = Lanes(valkey)
        self._unsent: deque[Settlement] = deque(maxlen=MOST_UNSENT)
        pace = Pace()
        self._batches = {
            shard: ShardBatches(
                self._lanes,
                shard,
                pace,
                clock=self._clock,
                on_unwanted=self._give_back,
                on_unsent=self._unsent.append,
            )
            for shard in ALL_SHARDS
        }
        self._open: dict[str, tuple[float, Decision]] = {}

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
        decision = await self._decide(request, self._real_now())
        while decision.result == LIMITS_ENDED:
            # Valkey's clock is past the midnight at which units end, ours is not yet.
            decision = await self._decide(request, decision.admitted_at)
        if decision.bucket:
            self._open[decision.id] = (monotonic(), decision)
        return decision

    def settle(self, decision: Decision, actual: Tokens | None) -> Settlement:
        """Replace the estimate by what was used, and meter the request; once. Never raises.

        Call it for every decision, however the request ended. `actual` is None for a request of
        which nothing reached the model: it is explained, and no usage. Nobody has to wait for the
        answer, whether Valkey has it: if not, it is sent again until it has.
        """
        self._open.pop(decision.id, None)
        return self._hand_over(Settlement(decision, actual))

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

    async def drain(self) -> None:
        """Send at once what waits for others, and wait for the answers."""
        await asyncio.gather(*(batches.drain() for batches in self._batches.values()))

    async def close(self) -> None:
        """Hand over what is still to be metered. Call it when the last request is settled."""
        await self.drain()
        await self._send_unsent()
        if self._unsent:
            logger.error("%d finished requests are lost: Valkey is away", len(self._unsent))
        await self._lanes.close()

    async def _decide(self, request: AdmissionRequest, real: datetime) -> Decision:
        estimate = request.estimate
        context = Context.of(request, (request.organization.clock_at or real).date())
        loop = self._loop = self._loop or asyncio.get_running_loop()
        answer: asyncio.Future[bytes | None] = loop.create_future()
        needs = estimate.weigh(context.weights)
        question = Question(request.id, context, estimate, needs, answer)
        self._batches[Shard.of(context.organization)].ask(question)
        try:
            line = await answer
        except asyncio.CancelledError:
            # The answer may have come in the same turn of the loop.
            if not answer.cancelled() and (unwanted := answer.result()) is not None:
                self._give_back(question, unwanted)
            raise
        if line is None:
            return uncounted(request.id, context, estimate, real)
        return read_line(request.id, context, estimate, line, needs)

    def _give_back(self, question: Question, line: bytes) -> None:
        """Settle a request whose caller did not wait for the decision."""
        decision = read_line(question.id, question.context, question.estimate, line)
        if decision.result != LIMITS_ENDED:
            self.settle(decision, None)

    def _hand_over(self, settlement: Settlement) -> Settlement:
        self._batches[Shard.of(settlement.context.organization)].settle(settlement)
        return settlement

    async def _send_unsent(self) -> None:
        """Send what waited for Valkey, until it takes nothing any more: then the rest waits on."""
        while self._unsent:
            waiting = [self._unsent.popleft() for _ in range(min(len(self._unsent), AT_ONCE))]
            again = [self._hand_over(Settlement(each.decision, each.used)) for each in waiting]
            if not any([await each for each in again]):
                break

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
