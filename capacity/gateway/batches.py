"""Decisions and settlements of one shard, together: what comes meanwhile is the next batch.

While one call of the script is under way, whatever comes waits for its answer and shares the next
one. So a busy gateway makes few calls, which cost the server little more than one request each, and
an idle one waits for nobody.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from capacity.gateway.decisions import Decision, write_estimate
from capacity.gateway.lanes import Lanes, Script, ValkeyAway
from capacity.gateway.requests import Amounts, Context, Tokens
from capacity.gateway.valkey import Shard

logger = logging.getLogger(__name__)

SERVE = Script.read("serve")
MOST_TOGETHER = 100
"""In one call, so that no other client of Valkey waits long."""
LIFETIME = 60_000
"""Milliseconds after which a reservation lapses that its gateway does not renew."""


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


class ShardBatches:
    """The batches of one shard."""

    def __init__(
        self,
        lanes: Lanes,
        shard: Shard,
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
        self._clock = clock
        self._on_unwanted = on_unwanted
        self._on_unsent = on_unsent
        self._waiting: deque[Question | Settlement] = deque()
        self._suspects: deque[Question | Settlement] = deque()
        """Those of a call that failed: each comes again, alone."""
        self._is_idle = asyncio.Event()
        self._is_idle.set()

    def add(self, item: Question | Settlement) -> None:
        """Take part in the next batch."""
        self._waiting.append(item)
        if self._is_idle.is_set():
            self._is_idle.clear()
            # Not at once: what comes in this turn of the loop is part of it.
            asyncio.get_running_loop().call_soon(self._send)

    async def drain(self) -> None:
        """Wait until nothing is under way."""
        await self._is_idle.wait()

    def _send(self) -> None:
        """Send the next batch; idle if there is none."""
        settlements, questions = self._next()
        if not settlements and not questions:
            self._is_idle.set()
            return
        keys = self._shard.open, self._shard.stream
        try:
            arguments = self._arguments(settlements, questions)
            answer = self._lanes.call(self._shard, SERVE, keys, arguments)
        except Exception as error:  # noqa: BLE001 - One that cannot be written stops no other.
            self._fail(settlements, questions, error)
            asyncio.get_running_loop().call_soon(self._send)
        else:
            answer.add_done_callback(partial(self._answered, settlements, questions))

    def _next(self) -> tuple[list[Settlement], list[Question]]:
        """Return what is sent together. Who does not wait any more is left out."""
        settlements: list[Settlement] = []
        questions: list[Question] = []
        waiting, at_most = (self._suspects, 1) if self._suspects else (self._waiting, MOST_TOGETHER)
        while waiting and len(settlements) + len(questions) < at_most:
            item = waiting.popleft()
            if isinstance(item, Settlement):
                settlements.append(item)
            elif not item.answer.cancelled():
                questions.append(item)
        return settlements, questions

    def _arguments(
        self, settlements: Sequence[Settlement], questions: Sequence[Question]
    ) -> list[Any]:
        contexts: list[Any] = []
        numbers: dict[int, int] = {}
        requests: list[Any] = []
        items: tuple[Settlement | Question, ...] = (*settlements, *questions)
        for item in items:
            context = item.context
            number = numbers.get(id(context))
            if number is None:
                number = numbers[id(context)] = len(numbers) + 1
                contexts += (context.terms, context.text)
            requests += item.values(number)
        head = self._shard.prefix, self._clock(), LIFETIME, len(settlements), len(numbers)
        return [*head, *contexts, *requests]

    def _answered(
        self,
        settlements: list[Settlement],
        questions: list[Question],
        answer: "asyncio.Future[list[bytes]]",
    ) -> None:
        error = answer.exception()
        if error is None:
            for settlement in settlements:
                settlement.give(is_taken=True)
            for question, line in zip(questions, answer.result(), strict=True):
                self._give(question, line)
        else:
            self._fail(settlements, questions, error)
        self._send()

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
