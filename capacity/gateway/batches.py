"""Decisions and settlements of one shard, together, each batch in one call of the script.

A call wakes two processes and costs the gateway more than all else it does for a request; what a
batch costs more than one request is little. So an idle gateway asks at once, and a busy one gathers
what comes within two milliseconds, or while a call is under way.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from functools import partial
from math import inf
from time import monotonic
from typing import Any, TypeVar

from capacity.gateway.decisions import Decision, write_estimate
from capacity.gateway.lanes import Lanes, Script, ValkeyAway
from capacity.gateway.requests import Amounts, Context, Tokens
from capacity.gateway.valkey import Shard

logger = logging.getLogger(__name__)

SERVE = Script.read("serve")
MOST_TOGETHER = 100
"""Of each kind in one call, so that no other client of Valkey waits long."""
GATHERED = 0.002
"""Seconds for which a busy gateway gathers questions."""
BUSY = 4
"""It is busy if so many come within that time: more than one client asks at once."""
SETTLED_WITHIN = 0.005
"""Seconds until settlements go without a question: nobody waits for them."""
LIFETIME = 60_000
"""Milliseconds after which a reservation lapses that its gateway does not renew."""


Item = TypeVar("Item")


@dataclass(slots=True, eq=False)
class Question:
    """A request to decide about. Its answer is the script's line; None while Valkey is away."""

    id: str
    context: Context
    estimate: Tokens
    needs: Amounts
    answer: "asyncio.Future[bytes | None]"

    def values(self, context: int) -> tuple[Any, ...]:
        """Return what the script takes, with the number of the context."""
        estimate = self.estimate
        tokens = estimate.input + estimate.output
        return (self.id, context, write_estimate(estimate), *self.needs, tokens)


@dataclass(slots=True, eq=False)
class Settlement:
    """A finished request: its decision, and what it used; None if nothing reached the model."""

    decision: Decision
    used: Tokens | None
    is_taken: bool | None = None
    """Whether Valkey has it; None while that is not known."""
    _wanted: "asyncio.Future[bool] | None" = None

    def __await__(self) -> Generator[Any, None, bool]:
        """Wait until it is known whether Valkey has it. Hardly anybody needs to."""
        if self.is_taken is None:
            self._wanted = self._wanted or asyncio.get_running_loop().create_future()
            return (yield from asyncio.shield(self._wanted))
        return self.is_taken

    @property
    def context(self) -> Context:
        return self.decision.context

    def values(self, context: int) -> tuple[Any, ...]:
        """Return what the script takes, with the number of the context."""
        decision, used = self.decision, self.used
        return (
            *(decision.id, context, decision.bucket, *decision.reserved, decision.line),
            *(write_estimate(decision.estimate), *decision.counts(used)),
            b"%d %d %d" % used if used else b"",
        )

    def give(self, *, is_taken: bool) -> None:
        self.is_taken = is_taken
        if self._wanted:
            self._wanted.set_result(is_taken)


class Pace:
    """Says how busy a gateway is, all its shards together."""

    def __init__(self) -> None:
        self._asked_at = deque([-inf], maxlen=BUSY)

    def count(self, now: float) -> None:
        """Count a question."""
        self._asked_at.append(now)

    def due(self, now: float) -> float:
        """Return when questions go: at once, unless it is busy."""
        if len(self._asked_at) < BUSY or now - self._asked_at[0] >= GATHERED:
            return now
        # All shards at the same moments, so that they share a round trip too.
        return (now // GATHERED + 1) * GATHERED


class ShardBatches:
    """The batches of one shard."""

    def __init__(
        self,
        lanes: Lanes,
        shard: Shard,
        pace: Pace,
        *,
        clock: Callable[[], int | str],
        on_unwanted: Callable[[Question, bytes], None],
        on_unsent: Callable[[Settlement], None],
    ) -> None:
        """`clock` gives the instant of a test, or nothing: then Valkey's counts.

        `on_unwanted` takes a decision that nobody waits for any more, `on_unsent` a settlement that
        Valkey did not take.
        """
        self._lanes = lanes
        self._shard = shard
        self._pace = pace
        self._clock = clock
        self._on_unwanted = on_unwanted
        self._on_unsent = on_unsent
        self._questions: deque[Question] = deque()
        self._settlements: deque[Settlement] = deque()
        self._suspects: deque[Question | Settlement] = deque()
        """Those of a call that failed: each comes again, alone."""
        self._is_under_way = False
        self._due = inf
        self._timer: asyncio.Handle | None = None
        self._is_idle = asyncio.Event()
        self._is_idle.set()

    def ask(self, question: Question) -> None:
        """Let the script decide about a request, with the next batch."""
        now = monotonic()
        self._pace.count(now)
        self._questions.append(question)
        self._plan(now)

    def settle(self, settlement: Settlement) -> None:
        """Hand over a finished request, with the next batch."""
        self._settlements.append(settlement)
        self._plan(monotonic())

    async def drain(self) -> None:
        """Send at once what waits, and wait until nothing is under way."""
        if self._timer:
            self._timer.cancel()
            self._send()
        await self._is_idle.wait()

    def _plan(self, now: float) -> None:
        """Plan the next batch, unless one is under way: its answer plans the next."""
        if self._is_under_way:
            return
        self._is_idle.clear()
        due = self._next_due(now)
        if due >= self._due:
            return
        if self._timer:
            self._timer.cancel()
        self._due = due
        loop = asyncio.get_running_loop()
        # Not at once: what comes in this turn of the loop is part of it.
        soon = due <= now
        self._timer = loop.call_soon(self._send) if soon else loop.call_later(due - now, self._send)

    def _next_due(self, now: float) -> float:
        """Return when the next batch goes: at once, or when enough may have come together."""
        if self._suspects or len(self._questions) + len(self._settlements) >= MOST_TOGETHER:
            return now
        if not self._questions:
            return now + SETTLED_WITHIN
        return self._pace.due(now)

    def _send(self) -> None:
        """Send the next batch, unless nobody waits for it any more."""
        self._timer, self._due = None, inf
        settlements, questions = self._next()
        if not settlements and not questions:
            self._go_on()
            return
        self._is_under_way = True
        keys = self._shard.open, self._shard.stream
        try:
            arguments = self._arguments(settlements, questions)
            answer = self._lanes.call(self._shard, SERVE, keys, arguments)
        except Exception as error:  # noqa: BLE001 - One that cannot be written stops no other.
            self._fail(settlements, questions, error)
            self._go_on()
        else:
            answer.add_done_callback(partial(self._answered, settlements, questions))

    def _next(self) -> tuple[list[Settlement], list[Question]]:
        """Return what is sent together. Who does not wait any more is left out."""
        if self._suspects:
            suspect = self._suspects.popleft()
            return ([suspect], []) if isinstance(suspect, Settlement) else ([], [suspect])
        settlements = _take(self._settlements)
        questions = _take(self._questions)
        return settlements, [each for each in questions if not each.answer.cancelled()]

    def _arguments(
        self, settlements: Sequence[Settlement], questions: Sequence[Question]
    ) -> list[Any]:
        contexts: list[Any] = []
        numbers: dict[int, int] = {}
        asked = {id(question.context) for question in questions}
        requests: list[Any] = []
        items: tuple[Settlement | Question, ...] = (*settlements, *questions)
        for item in items:
            context = item.context
            number = numbers.get(id(context))
            if number is None:
                number = numbers[id(context)] = len(numbers) + 1
                terms = context.terms if id(context) in asked else b""
                contexts += (terms, context.text)
            requests += item.values(number)
        head = self._shard.prefix, self._clock(), LIFETIME, len(settlements), len(numbers)
        return [*head, *contexts, *requests]

    def _answered(
        self,
        settlements: list[Settlement],
        questions: list[Question],
        answer: "asyncio.Future[list[bytes]]",
    ) -> None:
        try:
            error = answer.exception()
            if error is None:
                for settlement in settlements:
                    settlement.give(is_taken=True)
                for question, line in zip(questions, answer.result(), strict=True):
                    self._give(question, line)
            else:
                self._fail(settlements, questions, error)
        finally:
            self._go_on()

    def _go_on(self) -> None:
        """Plan the next batch; idle if there is none."""
        self._is_under_way = False
        if self._suspects or self._questions or self._settlements:
            self._plan(monotonic())
        else:
            self._is_idle.set()

    def _fail(
        self, settlements: list[Settlement], questions: list[Question], error: BaseException
    ) -> None:
        """Send each again alone, since only one may be at fault; unless Valkey is away."""
        if not isinstance(error, ValkeyAway):
            if len(settlements) + len(questions) > 1:
                self._suspects += (*settlements, *questions)
                return
            logger.error("the script failed: %s", error)  # It names nothing of a request.
        for settlement in settlements:
            self._on_unsent(settlement)
            settlement.give(is_taken=False)
        for question in questions:
            self._give(question, None)

    def _give(self, question: Question, line: bytes | None) -> None:
        if not question.answer.cancelled():
            question.answer.set_result(line)
        elif line is not None:
            self._on_unwanted(question, line)


def _take(waiting: "deque[Item]") -> "list[Item]":
    return [waiting.popleft() for _ in range(min(len(waiting), MOST_TOGETHER))]
